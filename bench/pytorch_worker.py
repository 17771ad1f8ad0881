"""cigli's model in Python PyTorch, as a worker that `cigli bench` measures beside cigli: JSON lines over stdin, stdout.

Usage: pytorch_worker.py --model FILE.safetensors [--mode eager|tuned|compiled] [--precision bf16|fp32] [--threads T]
                         [--batch-size B] [--steps N] [--noise philox|torch]     generates images
       pytorch_worker.py --train [--model FILE.safetensors] [--data FOLDER] [--mode M] [--precision P] [--threads T]
                         [--batch-size B]                                        trains on pairs held in memory

The network, the weights, the tokenizer, the sampler and, unless --noise torch, the noise are cigli's, so that images of
fp32 are the same but for rounding. A training takes the file's architecture alone, the default one without a file, and
random pairs without a folder; a folder's sentences need a file for its tokenizer.

  eager     fp32, contiguous, under inference_mode: how most people run PyTorch
  tuned     channels_last, and where the processor multiplies bfloat16, or --precision says so, bfloat16: autocast, to
            generate with the weights of convolutions and linear layers rounded beforehand
  compiled  tuned, and torch.compile (PyTorch 2): before it is ready, or in its first step of training, it compiles for
            minutes

What PyTorch reads from the environment is for whoever starts it; `tuned` and `compiled` are meant to run under

  MALLOC_TRIM_THRESHOLD_=100000000000 MALLOC_MMAP_MAX_=0    an allocator that keeps its memory, as cigli's does
  ATEN_CPU_CAPABILITY=avx512    PyTorch 1.13, on a processor with AVX-512: its own operations use AVX2 otherwise
  OPENBLAS_NUM_THREADS=T        Debian's PyTorch, with fewer threads than cores
  TORCHINDUCTOR_FREEZING=1      compiled, generating: weights are laid out once
"""

import argparse
import hashlib
import html
import json
import math
import os
import pathlib
import re
import sys

import numpy as np
import torch
from PIL import Image

from pytorch_model import DEFAULT_OPTIONS, PYTORCH_2, Generator, Training


class Tokenizer:
    """CLIP's byte-pair encoding (encoders/tokenizer.cpp), but for numerals beyond digits, such as the ² of m²."""

    PATTERN = re.compile(r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[^\W\d_]+|\d|(?:[^\s\w]|_)+")

    def __init__(self, merges):
        printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
        others = [byte for byte in range(256) if byte not in printable]
        self.letters = {byte: chr(byte) for byte in printable}
        self.letters.update((byte, chr(256 + i)) for i, byte in enumerate(others))
        pairs = [tuple(line.split(" ")) for line in merges.split("\n") if line]
        tokens = [letter + end for end in ("", "</w>") for letter in self.letters.values()]
        tokens += ["".join(pair) for pair in pairs]
        self.ids = {token: i for i, token in enumerate(tokens)}
        self.ranks = {pair: i for i, pair in enumerate(pairs)}
        self.start, self.end = len(tokens), len(tokens) + 1
        self.words = {"<|startoftext|>": [self.start], "<|endoftext|>": [self.end]}

    def encode_word(self, word):
        if word in self.words:
            return self.words[word]
        pieces = [self.letters[byte] for byte in word.encode()]
        pieces[-1] += "</w>"
        while True:
            best = min(zip(pieces, pieces[1:]), key=lambda pair: self.ranks.get(pair, len(self.ranks)), default=None)
            if best not in self.ranks:
                break
            at = 0
            while at + 1 < len(pieces):
                if (pieces[at], pieces[at + 1]) == best:
                    pieces[at : at + 2] = ["".join(best)]
                at += 1
        self.words[word] = [self.ids[piece] for piece in pieces]
        return self.words[word]

    def encode(self, texts, context):
        """Ids and mask [B,T], T the longest text rounded up to a multiple of 8."""
        rows = []
        for text in texts:
            words = self.PATTERN.findall(html.unescape(html.unescape(text)).lower())
            ids = [i for word in words for i in self.encode_word(word)]
            rows.append([self.start, *ids[: context - 2], self.end])
        lengths = torch.tensor([len(row) for row in rows])
        length = min((int(lengths.max()) + 7) // 8 * 8, context)
        ids = torch.tensor([row + [self.end] * (length - len(row)) for row in rows])
        return ids, torch.arange(length) < lengths[:, None]


def read_safetensors(file):
    """Metadata, and tensors that share the file's bytes."""
    types = {"BF16": torch.bfloat16, "F32": torch.float32}
    content = bytearray(pathlib.Path(file).read_bytes())
    start = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:start])
    metadata, tensors = header.pop("__metadata__", {}), {}
    for name, entry in header.items():
        shape, at = entry["shape"], start + entry["data_offsets"][0]
        values = torch.frombuffer(content, dtype=types[entry["dtype"]], count=math.prod(shape), offset=at)
        tensors[name] = values.view(shape)
    return metadata, tensors


def check_architecture(file, options):
    expected = {"text.kind": "transformer", "image.kind": "convolutional", "fusion.kind": "joint",
                "fusion.inputs": "both", "decoder.kind": "unet", "sampling.method": "euler"}
    for name, value in expected.items():
        group, key = name.split(".")
        if options[group][key] != value:
            raise ValueError(f"{file}: {name} is {options[group][key]!r}, this worker knows {value!r} alone")
    if (options["height"], options["width"]) != (options["prompt_height"], options["prompt_width"]):
        raise ValueError(f"{file}: its prompts have another size than its images, which this worker doesn't know")


def read_model(file):
    """Options, tokenizer and weights."""
    try:
        metadata, tensors = read_safetensors(file)
    except (ValueError, KeyError) as error:
        raise ValueError(f"{file}: no safetensors file that this worker reads: {error}")
    if metadata.get("cigli.format") != "cigli-model-1":
        raise ValueError(f"{file}: no model file of cigli")
    options = json.loads(metadata["cigli.options"])
    check_architecture(file, options)
    weights = {name[len("weights."):]: tensor for name, tensor in tensors.items() if name.startswith("weights.")}
    return options, Tokenizer(metadata["cigli.merges"]), weights


def philox_noise(requests, shape):
    """cigli's noise (runtime/philox.cpp): Philox4x32-10 under the seed, a stream for each id; then Box-Muller."""
    low = np.uint64(0xFFFFFFFF)
    half = np.uint64(32)

    def column(values):
        return np.array(list(values), np.uint64)[:, None]

    keys = column(request.get("seed", 0) for request in requests)
    streams = column(int.from_bytes(hashlib.sha256(f"{request['id']}\n0".encode()).digest()[:8], "big")
                     for request in requests)
    count = math.prod(shape)
    blocks = np.arange(-(-count // 4), dtype=np.uint64)[None]
    key0, key1 = keys & low, keys >> half
    word0, word1, word2, word3 = blocks & low, blocks >> half, streams & low, streams >> half
    for _ in range(10):
        product0, product1 = word0 * np.uint64(0xD2511F53), word2 * np.uint64(0xCD9E8D57)
        word0, word1, word2, word3 = ((product1 >> half) ^ word1 ^ key0, product1 & low,
                                      (product0 >> half) ^ word3 ^ key1, product0 & low)
        key0, key1 = (key0 + np.uint64(0x9E3779B9)) & low, (key1 + np.uint64(0xBB67AE85)) & low
    values = []
    for radius_word, angle_word in ((word0, word1), (word2, word3)):
        odd = (radius_word >> np.uint64(1) | np.uint64(1)).astype(np.float32)
        radius = np.sqrt(-2 * np.log(odd * np.float32(2.0**-31)))
        angle = angle_word.astype(np.float32) * np.float32(2 * np.pi / 2**32)
        values += [radius * np.cos(angle), radius * np.sin(angle)]
    return torch.from_numpy(np.stack(values, 2).reshape(len(requests), -1)[:, :count].reshape(-1, *shape))


def torch_noise(requests, shape):
    generators = [torch.Generator().manual_seed(request.get("seed", 0)) for request in requests]
    return torch.stack([torch.randn(shape, generator=generator) for generator in generators])


def read_image(file, options):
    """Bytes [3,H,W]."""
    image = Image.open(file).convert("RGB")
    size = options["width"], options["height"]
    if image.size != size:
        image = image.resize(size, Image.BICUBIC)
    return torch.from_numpy(np.array(image)).permute(2, 0, 1)


def to_floats(pixels):
    return pixels.float() / 127.5 - 1


def write_image(file, image):
    pixels = ((image + 1) * 127.5 + 0.5).clamp(0, 255).byte()
    # OpenCV's level, which cigli writes with; Pillow's own takes four times as long.
    Image.fromarray(pixels.permute(1, 2, 0).contiguous().numpy()).save(file, "PNG", compress_level=1)


class Sampler:
    def __init__(self, a, layout):
        self.options, self.tokenizer, weights = read_model(a.model)
        self.model = Generator(self.options, self.tokenizer.end + 1)
        try:
            self.model.load_state_dict(weights, strict=True)
        except RuntimeError as error:
            raise ValueError(f"{a.model}: weights of another architecture: {str(error)[:300]}")
        self.model = self.model.eval().to(memory_format=layout)
        self.layout, self.bf16, self.batch_size = layout, a.precision == "bf16", a.batch_size
        if self.bf16:  # what autocast would do anew for each batch
            for layer in self.model.modules():
                if isinstance(layer, (torch.nn.Linear, torch.nn.Conv2d)):
                    layer.to(torch.bfloat16)
        self.condition, self.denoiser = self.model.condition, self.model.denoiser
        if a.mode == "compiled":
            self.condition, self.denoiser = torch.compile(self.condition), torch.compile(self.denoiser)
        self.noise = philox_noise if a.noise == "philox" else torch_noise
        o = self.options["sampling"]
        self.steps, self.shift = a.steps or o["steps"], o["shift"]
        # Guidance (Brooks et al. 2023, eq. 3): which inputs a branch sees, and its factor.
        branches = [(True, True, o["guidance_text"]),
                    (False, True, o["guidance_image"] - o["guidance_text"]),
                    (False, False, 1 - o["guidance_image"])]
        self.branches = [branch for branch in branches if branch[2] != 0]
        if a.mode == "compiled":
            self.warm_up()

    def warm_up(self):
        """A usual request alone; then few and many of another length, after which the compiled code takes any."""
        for texts in (["a " * 20], ["a"] * 2, ["a"] * self.batch_size):
            pixels = torch.zeros(len(texts), 3, self.options["height"], self.options["width"])
            self.draw(texts, pixels, pixels)

    def time(self, step):
        u = step / self.steps
        return u / (u + self.shift * (1 - u))

    def sample(self, texts, prompts, x):
        """Images [B,3,H,W] in [-1,1], from noise x."""
        count, copies = len(texts), len(self.branches)
        ids, mask = self.tokenizer.encode(texts, self.options["text"]["context"])
        seen = [torch.tensor([branch[i] for branch in self.branches]).repeat_interleave(count) for i in range(2)]
        condition = self.condition(ids.repeat(copies, 1), mask.repeat(copies, 1), prompts.repeat(copies, 1, 1, 1), seen)
        for step in range(self.steps):
            t = self.time(step)
            clean = self.denoiser(x.repeat(copies, 1, 1, 1), torch.full((copies * count,), t), condition).float()
            clean = sum(part * branch[2] for part, branch in zip(clean.split(count), self.branches))
            if step + 1 < self.steps:
                x = x + (self.time(step + 1) - t) / (1 - t) * (clean - x)
        return clean.clamp(-1, 1)

    def draw(self, texts, prompts, noise):
        prompts, noise = (each.contiguous(memory_format=self.layout) for each in (prompts, noise))
        with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16, enabled=self.bf16):
            return self.sample(texts, prompts, noise)

    def run_batch(self, requests):
        prompts = to_floats(torch.stack([read_image(request["image"], self.options) for request in requests]))
        images = self.draw([request["text"] for request in requests], prompts, self.noise(requests, prompts.shape[1:]))
        for request, image in zip(requests, images):
            write_image(request["file"], image)

    def answer(self, message):
        requests = message["generate"]
        for first in range(0, len(requests), self.batch_size):
            self.run_batch(requests[first : first + self.batch_size])
        return {"done": len(requests)}


def read_pairs(folder, tokenizer, options):
    """Prompts and targets [N,3,H,W] as bytes, ids and mask [N,T], of the training rows."""
    folder = pathlib.Path(folder)
    rows = [json.loads(line) for line in (folder / "metadata.jsonl").read_text().splitlines() if line]
    rows = [row for row in rows if row.get("split", "train") == "train"]
    if not rows:
        raise ValueError(f"{folder}: no training rows")
    prompts, targets = (torch.stack([read_image(folder / row[key], options) for row in rows])
                        for key in ("prompt_file_name", "target_file_name"))
    return prompts, targets, *tokenizer.encode([row["text"] for row in rows], options["text"]["context"])


def random_pairs(count, options):
    prompts, targets = (torch.randint(0, 256, (count, 3, options["height"], options["width"]), dtype=torch.uint8)
                        for _ in range(2))
    ids = torch.randint(0, options["text"]["vocabulary"], (count, 16))
    return prompts, targets, ids, torch.ones(count, 16, dtype=torch.bool)


class Trainer:
    def __init__(self, a, layout):
        if a.data and not a.model:
            raise ValueError("--data needs --model, for its tokenizer")
        options = DEFAULT_OPTIONS
        if a.model:
            options, tokenizer, _ = read_model(a.model)
            options["text"]["vocabulary"] = tokenizer.end + 1
        self.pairs = read_pairs(a.data, tokenizer, options) if a.data else random_pairs(a.batch_size, options)
        self.model = Generator(options, options["text"]["vocabulary"]).to(memory_format=layout)
        self.training = Training(self.model, a.precision == "bf16", a.mode == "compiled")
        self.layout, self.batch_size = layout, a.batch_size

    def step(self):
        rows = torch.randint(0, len(self.pairs[0]), (self.batch_size,))
        prompts, targets, ids, mask = (each[rows] for each in self.pairs)
        prompts, targets = (to_floats(each).contiguous(memory_format=self.layout) for each in (prompts, targets))
        return self.training.step(prompts, targets, ids, mask)

    def answer(self, message):
        steps = message["train"]["steps"]
        for _ in range(steps):
            loss = self.step()
        return {"done": steps * self.batch_size, "loss": loss.item()}


def has_bf16():
    words = pathlib.Path("/proc/cpuinfo").read_text().split()
    return "avx512_bf16" in words or "amx_bf16" in words


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model")
    parser.add_argument("--train", action="store_true")
    parser.add_argument("--data")
    parser.add_argument("--mode", choices=["eager", "tuned", "compiled"], default="tuned")
    parser.add_argument("--precision", choices=["bf16", "fp32"])
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--batch-size", type=int)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--noise", choices=["philox", "torch"], default="philox")
    a = parser.parse_args()
    if not a.train and not a.model:
        parser.error("generating needs --model FILE")
    a.batch_size = a.batch_size or (64 if a.train else 16)
    a.precision = a.precision or ("bf16" if a.mode != "eager" and has_bf16() else "fp32")
    return a


def make_worker(a):
    if a.mode == "compiled" and not PYTORCH_2:
        raise RuntimeError(f"mode compiled needs PyTorch 2, this is {torch.__version__}")
    torch.set_num_threads(a.threads)
    layout = torch.contiguous_format if a.mode == "eager" else torch.channels_last
    return Trainer(a, layout) if a.train else Sampler(a, layout)


def main():
    a = parse_arguments()
    # Nothing but the protocol may reach stdout, whatever a library prints.
    protocol = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def say(message):
        print(json.dumps(message), file=protocol, flush=True)

    def attempt(action):
        """What the action returns, or None when it failed, which is then said."""
        try:
            return action()
        except Exception as error:
            say({"error": " ".join(f"{type(error).__name__}: {error}".split())})

    say({"protocol": 1, "name": f"PyTorch {torch.__version__.split('+')[0]}, {a.mode}"})
    worker = attempt(lambda: make_worker(a))
    if worker is None:
        sys.exit(1)
    weights = sum(p.numel() * p.element_size() for p in worker.model.parameters())
    say({"ready": True, "batch_size": a.batch_size, "weights_bytes": weights, "torch": torch.__version__,
         "mode": a.mode, "precision": a.precision, "threads": a.threads})
    for line in sys.stdin:
        answer = attempt(lambda: worker.answer(json.loads(line)))
        if answer is not None:
            say(answer)


if __name__ == "__main__":
    main()
