"""The default model of cigli and its training step in plain PyTorch, for timing side by side.

Usage: pytorch_train.py [--precision fp32|autocast] [--steps N] [--batch-size B] [--threads T]
       pytorch_train.py --roof [--threads T]     the fastest bfloat16 matrix product and convolution, nothing trained

Prints images/s of training on random 64-pixel pairs held in memory: conditioning, flow loss, backward, clipping,
AdamW and EMA, nothing else. `autocast` is what a careful user sets: bfloat16 autocast, channels_last. The operations of
a pair are counted too: two a multiply-add of every convolution, linear layer and attention product, three times the
forward ones.
"""

import argparse
import math
import time

import torch
from torch import nn

from pytorch_model import Attend, Generator, Training

operations = 0  # of forward passes so far


def count(multiply_adds):
    global operations
    operations += 2 * multiply_adds


def count_layer(layer, inputs, output):
    count(output.numel() * (layer.weight[0].numel()))


def count_attention(layer, inputs, output):
    q, k = inputs[:2]
    count(2 * q.shape[0] * q.shape[1] * k.shape[1] * q.shape[2])


def roof():
    def fastest(name, work, call):
        best = math.inf
        for _ in range(12):
            start = time.perf_counter()
            call()
            best = min(best, time.perf_counter() - start)
        print(f"torch {torch.__version__}, {name}: {work / best / 1e9:.0f} GFLOP/s (best of 12)")

    a, b = torch.randn(2048, 2048).bfloat16(), torch.randn(2048, 2048).bfloat16()
    x = torch.randn(8, 128, 64, 64).bfloat16().contiguous(memory_format=torch.channels_last)
    conv = nn.Conv2d(128, 128, 3, padding=1).bfloat16().to(memory_format=torch.channels_last)
    with torch.no_grad():
        fastest("bfloat16 matrix product 2048^3", 2 * 2048**3, lambda: a @ b)
        fastest("bfloat16 convolution 3x3, 128 to 128 channels, 8x64x64", 2 * 8 * 64 * 64 * 128 * 128 * 9, lambda: conv(x))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--precision", choices=["fp32", "autocast"], default="autocast")
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--roof", action="store_true")
    a = parser.parse_args()
    torch.set_num_threads(a.threads)
    if a.roof:
        return roof()
    model = Generator()
    for layer in model.modules():
        if isinstance(layer, (nn.Linear, nn.Conv2d)):
            layer.register_forward_hook(count_layer)
        elif isinstance(layer, Attend):
            layer.register_forward_hook(count_attention)
    layout = torch.channels_last if a.precision == "autocast" else torch.contiguous_format
    training = Training(model.to(memory_format=layout), a.precision == "autocast")
    n = a.batch_size
    prompt, target = (torch.rand(n, 3, 64, 64).contiguous(memory_format=layout) for _ in range(2))
    ids, mask = torch.randint(0, 1024, (n, 16)), torch.ones(n, 16, dtype=torch.bool)

    for _ in range(3):
        training.step(prompt, target, ids, mask)
    times = []
    for _ in range(a.steps):
        start = time.perf_counter()
        training.step(prompt, target, ids, mask)
        times.append(time.perf_counter() - start)
    median = sorted(times)[len(times) // 2]
    parameters = sum(p.numel() for p in model.parameters()) / 1e6
    pair = 3 * operations / (n * (a.steps + 3)) / 1e9
    print(f"torch {torch.__version__}, {a.precision}, {parameters:.2f} M parameters, {pair:.2f} GFLOP a pair, batch {n}, "
          f"{a.threads} threads: {n / median:.1f} images/s (median of {a.steps} steps), {n / median * pair:.0f} GFLOP/s")


if __name__ == "__main__":
    main()
