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
import torch.nn.functional as F
from torch import nn


operations = 0  # of forward passes so far


def count(multiply_adds):
    global operations
    operations += 2 * multiply_adds


def count_layer(layer, inputs, output):
    count(output.numel() * (layer.weight[0].numel()))


def attend(q, k, v, mask, heads):
    count(2 * q.shape[0] * q.shape[1] * k.shape[1] * q.shape[2])

    def split(x):
        return x.view(x.shape[0], x.shape[1], heads, -1).transpose(1, 2)

    q, k, v = split(q), split(k), split(v)
    if hasattr(F, "scaled_dot_product_attention"):
        out = F.scaled_dot_product_attention(q, k, v, attn_mask=mask[:, None, None, :])
    else:
        scores = q @ k.transpose(2, 3) / math.sqrt(q.shape[3])
        out = scores.masked_fill(~mask[:, None, None, :], -1e4).softmax(-1) @ v
    return out.transpose(1, 2).flatten(2)


class GroupNorm(nn.GroupNorm):
    """PyTorch 1.13's norms refuse bfloat16 input beside fp32 weights."""

    def forward(self, x):
        return F.group_norm(x, self.num_groups, self.weight.to(x.dtype), self.bias.to(x.dtype))


class LayerNorm(nn.LayerNorm):
    def forward(self, x):
        return F.layer_norm(x, self.normalized_shape, self.weight.to(x.dtype), self.bias.to(x.dtype))


class FeedForward(nn.Sequential):
    def __init__(self, width):
        super().__init__(nn.Linear(width, 4 * width), nn.ReLU(), nn.Linear(4 * width, width))


class TextBlock(nn.Module):
    def __init__(self, width, heads=4):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = LayerNorm(width), LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.feed_forward = FeedForward(width)

    def forward(self, x, mask):
        q, k, v = self.qkv(self.norm1(x)).chunk(3, -1)
        x = x + self.out(attend(q, k, v, mask, self.heads))
        return x + self.feed_forward(self.norm2(x))


class JointBlock(nn.Module):
    def __init__(self, width, heads=4):
        super().__init__()
        self.heads = heads
        self.text, self.image = TextBlock(width), TextBlock(width)

    def forward(self, text, image, mask):
        both = torch.cat([m.qkv(m.norm1(x)) for m, x in ((self.text, text), (self.image, image))], 1)
        attended = attend(*both.chunk(3, -1), mask, self.heads)
        own = attended.split([text.shape[1], image.shape[1]], 1)
        text, image = text + self.text.out(own[0]), image + self.image.out(own[1])
        return (text + self.text.feed_forward(self.text.norm2(text)),
                image + self.image.feed_forward(self.image.norm2(image)))


class Residual(nn.Module):
    def __init__(self, channels, embedding=0, group=16):
        super().__init__()
        self.norm1, self.norm2 = (GroupNorm(channels // group, channels) for _ in range(2))
        self.conv1, self.conv2 = (nn.Conv2d(channels, channels, 3, padding=1) for _ in range(2))
        self.film = nn.Linear(embedding, 2 * channels) if embedding else None

    def forward(self, x, embedding=None):
        y = self.norm2(self.conv1(F.relu(self.norm1(x))))
        if self.film is not None:
            scale, shift = self.film(embedding)[:, :, None, None].chunk(2, 1)
            y = y * (1 + scale) + shift
        return x + self.conv2(F.relu(y))


class Attention(nn.Module):
    def __init__(self, channels, width, heads=4):
        super().__init__()
        self.heads = heads
        self.norm = GroupNorm(channels // 16, channels)
        self.qkv, self.kv = nn.Linear(channels, 3 * channels), nn.Linear(width, 2 * channels)
        self.out = nn.Linear(channels, channels)

    def forward(self, x, tokens, mask):
        q, k, v = self.qkv(self.norm(x).flatten(2).transpose(1, 2)).chunk(3, -1)
        k2, v2 = self.kv(tokens).chunk(2, -1)
        mask = torch.cat([torch.ones(q.shape[:2], dtype=torch.bool), mask], 1)
        y = self.out(attend(q, torch.cat([k, k2], 1), torch.cat([v, v2], 1), mask, self.heads))
        return x + y.transpose(1, 2).reshape(x.shape)


class Model(nn.Module):
    def __init__(self, vocabulary=1024, text=128, image=(64, 128, 128), width=176, fine=128, coarse=192, embedding=256):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, text)
        self.positions = nn.Parameter(0.02 * torch.randn(64, text))
        self.text = nn.ModuleList([TextBlock(text) for _ in range(2)])
        self.text_norm = LayerNorm(text)
        self.stem = nn.Conv2d(12, image[0], 3, padding=1)
        self.shrink_prompt = nn.ModuleList([nn.Conv2d(a, b, 3, 2, 1) for a, b in zip(image, image[1:])])
        self.prompt_blocks = nn.ModuleList([Residual(channels) for channels in image])
        self.prompt_positions = nn.Parameter(0.02 * torch.randn(image[-1], 8, 8))
        self.text_in, self.image_in = nn.Linear(text, width), nn.Linear(image[-1], width)
        self.joint = nn.ModuleList([JointBlock(width) for _ in range(3)])
        self.norm, self.fused_text_norm, self.fused_image_norm = (LayerNorm(width) for _ in range(3))
        self.pool, self.pool_fused = (nn.Linear(width, 2 * width) for _ in range(2))
        self.time1, self.time2 = nn.Linear(128, embedding), nn.Linear(embedding, embedding)
        self.pooled = nn.Linear(4 * width, embedding)
        self.inp, self.map_in = nn.Conv2d(96, fine, 3, padding=1), nn.Conv2d(width, coarse, 1)
        self.details_in = nn.Conv2d(image[-2], fine, 1)
        self.down = nn.ModuleList([Residual(fine, embedding)])
        self.shrink = nn.Conv2d(fine, coarse, 3, 2, 1)
        self.coarse_positions = nn.Parameter(0.02 * torch.randn(coarse, 8, 8))
        self.middle = nn.ModuleList([Residual(coarse, embedding) for _ in range(2)])
        self.attention = nn.ModuleList([Attention(coarse, width) for _ in range(2)])
        self.grow, self.merge = nn.Conv2d(coarse, 4 * fine, 1), nn.Conv2d(2 * fine, fine, 1)
        self.up = nn.ModuleList([Residual(fine, embedding) for _ in range(2)])
        self.out = nn.Conv2d(fine, 64, 3, padding=1)

    def forward(self, x, t, ids, mask, prompt):
        text = self.embedding(ids) + self.positions[: ids.shape[1]]
        if torch.is_autocast_cpu_enabled():  # or what is added to it would stay in float32
            text = text.bfloat16()
        for block in self.text:
            text = block(text, mask)
        text = self.text_in(self.text_norm(text))
        image = self.prompt_blocks[0](self.stem(F.pixel_unshuffle(prompt, 2)))
        for shrink, block in zip(self.shrink_prompt, self.prompt_blocks[1:]):
            details, image = image, shrink(F.relu(image))
            if block is self.prompt_blocks[-1]:
                image = image + self.prompt_positions.to(image.dtype)
            image = block(image)
        image = self.image_in(image.flatten(2).transpose(1, 2))
        both = torch.cat([mask, torch.ones(image.shape[:2], dtype=torch.bool)], 1)
        tokens = self.norm(text)
        for block in self.joint:
            text, image = block(text, image, both)
        largest = [f.masked_fill(~mask[:, :, None], -1e4).amax(1)
                   for f in (self.pool(tokens), self.pool_fused(self.fused_text_norm(text)))]
        fused = self.fused_image_norm(image).transpose(1, 2).reshape(-1, tokens.shape[2], 8, 8)
        frequencies = torch.exp(torch.arange(64) * (math.log(1000) / 63))
        angles = t[:, None] * frequencies
        embedding = self.time2(F.relu(self.time1(torch.cat([angles.sin(), angles.cos()], 1))))
        embedding = F.relu(embedding + self.pooled(torch.cat(largest, 1)))
        y = self.inp(F.pixel_unshuffle(torch.cat([x, prompt], 1), 4)) + self.details_in(details)
        for block in self.down:
            y = block(y, embedding)
        skip, y = y, self.shrink(y) + self.map_in(fused)
        y = y + self.coarse_positions.to(y.dtype)
        for block, attention in zip(self.middle, self.attention):
            y = attention(block(y, embedding), tokens, mask)
        y = self.merge(torch.cat([F.pixel_shuffle(self.grow(y), 2), skip], 1))
        for block in self.up:
            y = block(y, embedding)
        drawn = F.pixel_shuffle(self.out(y), 4)
        return drawn[:, :3] + drawn[:, 3:] * prompt


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
    model = Model()
    for layer in model.modules():
        if isinstance(layer, (nn.Linear, nn.Conv2d)):
            layer.register_forward_hook(count_layer)
    layout = torch.channels_last if a.precision == "autocast" else torch.contiguous_format
    model = model.to(memory_format=layout)
    average = [p.detach().clone() for p in model.parameters()]
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.99), weight_decay=0.01)
    n = a.batch_size
    prompt, target = (torch.rand(n, 3, 64, 64).contiguous(memory_format=layout) for _ in range(2))
    ids, mask = torch.randint(0, 1024, (n, 16)), torch.ones(n, 16, dtype=torch.bool)

    def step():
        t = torch.sigmoid(torch.randn(n) * 1.5 - 2.5)
        s = t.view(n, 1, 1, 1)
        x = s * target + (1 - s) * torch.randn_like(target)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=a.precision == "autocast"):
            clean = model(x, t, ids, mask, prompt)
        loss = ((clean.float() - target).square().mean((1, 2, 3)) / (1 - t).clamp(min=0.1) ** 2).mean()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        with torch.no_grad():
            for mean, p in zip(average, model.parameters()):
                mean.lerp_(p, 0.001)

    for _ in range(3):
        step()
    times = []
    for _ in range(a.steps):
        start = time.perf_counter()
        step()
        times.append(time.perf_counter() - start)
    median = sorted(times)[len(times) // 2]
    parameters = sum(p.numel() for p in model.parameters()) / 1e6
    pair = 3 * operations / (n * (a.steps + 3)) / 1e9
    print(f"torch {torch.__version__}, {a.precision}, {parameters:.2f} M parameters, {pair:.2f} GFLOP a pair, batch {n}, "
          f"{a.threads} threads: {n / median:.1f} images/s (median of {a.steps} steps), {n / median * pair:.0f} GFLOP/s")


if __name__ == "__main__":
    main()
