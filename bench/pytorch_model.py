"""cigli's network and its training step in plain PyTorch, 1.13 or later; bench/pytorch_train.py and
bench/pytorch_worker.py run it.

Modules and parameters bear the names of the C++ ones, so that a model file's tensors `weights.NAME` load strictly.
"""

import math
import typing

import torch
import torch.nn.functional as F
from torch import nn

PYTORCH_2 = hasattr(torch, "compile")
EMBEDDING, TIME_WIDTH, BANDS, UP_BLOCKS = 256, 128, 6, 2

# configs/shapes-64.toml, as a model file gives it.
DEFAULT_OPTIONS = {
    "height": 64,
    "width": 64,
    "text": {"vocabulary": 1024, "context": 64, "width": 128, "layers": 2, "heads": 4},
    "image": {"widths": [64, 128, 128], "blocks": 1},
    "fusion": {"width": 176, "layers": 3, "heads": 4},
    "decoder": {"patch": 4, "widths": [128, 192], "blocks": [1, 2], "heads": 4, "group": 16},
}


class Attend(nn.Module):
    """A module, though it has no weights, for the hooks that count operations."""

    def __init__(self, heads):
        super().__init__()
        self.heads = heads

    def forward(self, q, k, v, mask):
        q, k, v = (x.view(x.shape[0], x.shape[1], self.heads, -1).transpose(1, 2) for x in (q, k, v))
        if PYTORCH_2:
            out = F.scaled_dot_product_attention(q, k, v, attn_mask=mask[:, None, None, :])
        else:
            scores = q @ k.transpose(2, 3) / math.sqrt(q.shape[3])
            out = scores.masked_fill(~mask[:, None, None, :], -1e4).softmax(-1) @ v
        return out.transpose(1, 2).flatten(2)


class GroupNorm(nn.GroupNorm):
    """PyTorch 1.13 adds bfloat16 numbers up in bfloat16, far off over maps of 32x32, and is no faster for it."""

    def forward(self, x):
        return super().forward(x) if PYTORCH_2 else super().forward(x.float()).to(x.dtype)


class LayerNorm(nn.LayerNorm):
    """PyTorch 1.13's norms refuse bfloat16 input beside fp32 weights."""

    def forward(self, x):
        return F.layer_norm(x, self.normalized_shape, self.weight.to(x.dtype), self.bias.to(x.dtype))


def conv(channels_in, channels_out, side, stride=1):
    return nn.Conv2d(channels_in, channels_out, side, stride, side // 2)


def to_tokens(x):
    return x.flatten(2).transpose(1, 2)


def to_map(x, height, width):
    return x.transpose(1, 2).reshape(x.shape[0], -1, height, width)


def all_seen(x):
    return torch.ones(x.shape[:2], dtype=torch.bool)


class FeedForward(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.add_module("in", nn.Linear(width, 4 * width))
        self.out = nn.Linear(4 * width, width)

    def forward(self, x):
        return self.out(F.relu(getattr(self, "in")(x)))


class Modality(nn.Module):
    """A transformer block's weights."""

    def __init__(self, width):
        super().__init__()
        self.norm1, self.norm2 = LayerNorm(width), LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.feed_forward = FeedForward(width)


class TransformerBlock(Modality):
    def __init__(self, width, heads):
        super().__init__(width)
        self.attend = Attend(heads)

    def forward(self, x, mask):
        x = x + self.out(self.attend(*self.qkv(self.norm1(x)).chunk(3, -1), mask))
        return x + self.feed_forward(self.norm2(x))


class JointBlock(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.text, self.image, self.attend = Modality(width), Modality(width), Attend(heads)

    def forward(self, text, image, mask):
        both = torch.cat([m.qkv(m.norm1(x)) for m, x in ((self.text, text), (self.image, image))], 1)
        own = self.attend(*both.chunk(3, -1), mask).split([text.shape[1], image.shape[1]], 1)
        text, image = text + self.text.out(own[0]), image + self.image.out(own[1])
        return (text + self.text.feed_forward(self.text.norm2(text)),
                image + self.image.feed_forward(self.image.norm2(image)))


class ResidualBlock(nn.Module):
    def __init__(self, channels, embedding=0, group=16):
        super().__init__()
        self.norm1, self.norm2 = (GroupNorm(channels // group, channels) for _ in range(2))
        self.conv1, self.conv2 = (conv(channels, channels, 3) for _ in range(2))
        self.film = nn.Linear(embedding, 2 * channels) if embedding else None

    def forward(self, x, embedding=None):
        y = self.norm2(self.conv1(F.relu(self.norm1(x))))
        if self.film is not None:
            scale, shift = self.film(embedding)[:, :, None, None].chunk(2, 1)
            y = y * (1 + scale) + shift
        return x + self.conv2(F.relu(y))


class TextEncoder(nn.Module):
    def __init__(self, o, vocabulary):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, o["width"])
        self.positions = nn.Parameter(0.02 * torch.randn(o["context"], o["width"]))
        self.blocks = nn.ModuleList([TransformerBlock(o["width"], o["heads"]) for _ in range(o["layers"])])
        self.norm = LayerNorm(o["width"])

    def forward(self, ids, mask):
        x = self.embedding(ids) + self.positions[: ids.shape[1]]
        if torch.is_autocast_cpu_enabled():  # or what is added to it would stay in float32
            x = x.bfloat16()
        for block in self.blocks:
            x = block(x, mask)
        return self.norm(x)


def grid_positions(height, width):
    """Fourier features [H*W, 4*BANDS] of the cells' centres."""
    y, x = ((torch.arange(n) + 0.5) / n for n in (height, width))
    place = torch.stack([x.repeat(height), y.repeat_interleave(width)], 1)
    angles = (place[:, :, None] * (math.pi * 2.0 ** torch.arange(BANDS))).flatten(1)
    return torch.cat([angles.sin(), angles.cos()], 1)


class ImageEncoder(nn.Module):
    def __init__(self, o, height, width):
        super().__init__()
        widths, self.count = o["widths"], o["blocks"]
        self.cells = height >> len(widths), width >> len(widths)
        self.stem = conv(12, widths[0], 3)
        self.shrink = nn.ModuleList([conv(a, b, 3, 2) for a, b in zip(widths, widths[1:])])
        self.blocks = nn.ModuleList([ResidualBlock(channels) for channels in widths for _ in range(self.count)])
        self.positions = nn.Linear(4 * BANDS, widths[-1])
        self.register_buffer("grid", grid_positions(*self.cells), persistent=False)

    def forward(self, prompt):
        """Features of the coarsest resolution, and of the one before."""
        x = details = self.stem(F.pixel_unshuffle(prompt, 2))
        for r in range(len(self.shrink) + 1):
            if r > 0:
                details, x = x, self.shrink[r - 1](F.relu(x))
            if r == len(self.shrink):
                x = x + to_map(self.positions(self.grid)[None], *self.cells)
            for block in self.blocks[r * self.count : (r + 1) * self.count]:
                x = block(x)
        return x, (details if len(self.shrink) > 0 else x)


class Condition(typing.NamedTuple):
    tokens: torch.Tensor
    mask: torch.Tensor
    pooled: torch.Tensor
    map: torch.Tensor
    details: torch.Tensor
    prompt: torch.Tensor


class JointFusion(nn.Module):
    def __init__(self, o, text, image):
        super().__init__()
        width = o["width"]
        self.text_in, self.image_in = nn.Linear(text, width), nn.Linear(image, width)
        self.null_text, self.null_image = (nn.Parameter(0.02 * torch.randn(width)) for _ in range(2))
        self.blocks = nn.ModuleList([JointBlock(width, o["heads"]) for _ in range(o["layers"])])
        self.norm, self.text_norm, self.image_norm = (LayerNorm(width) for _ in range(3))
        self.pool, self.pool_fused = (nn.Linear(width, 2 * width) for _ in range(2))

    def forward(self, text, mask, cells, details, prompt, seen=None):
        text, image = self.text_in(text), self.image_in(to_tokens(cells))
        if seen is not None:
            text_seen, image_seen = (each[:, None, None] for each in seen)
            mask = torch.where(text_seen[:, 0], mask, torch.arange(mask.shape[1]) == 0)
            text = torch.where(text_seen, text, self.null_text.to(text.dtype))
            image = torch.where(image_seen, image, self.null_image.to(image.dtype))
            details, prompt = details * image_seen[..., None], prompt * image_seen[..., None]
        tokens, both = self.norm(text), torch.cat([mask, all_seen(image)], 1)
        for block in self.blocks:
            text, image = block(text, image, both)
        largest = [f.masked_fill(~mask[:, :, None], -1e4).amax(1)
                   for f in (self.pool(tokens), self.pool_fused(self.text_norm(text)))]
        fused = to_map(self.image_norm(image), *cells.shape[2:])
        return Condition(tokens, mask, torch.cat(largest, 1), fused, details, prompt)


class ConditionAttention(nn.Module):
    def __init__(self, channels, condition, heads, group):
        super().__init__()
        self.norm = GroupNorm(channels // group, channels)
        self.qkv, self.condition_kv = nn.Linear(channels, 3 * channels), nn.Linear(condition, 2 * channels)
        self.out, self.attend = nn.Linear(channels, channels), Attend(heads)

    def forward(self, x, c):
        q, k, v = self.qkv(to_tokens(self.norm(x))).chunk(3, -1)
        k2, v2 = self.condition_kv(c.tokens).chunk(2, -1)
        mask = torch.cat([all_seen(q), c.mask], 1)
        y = self.out(self.attend(q, torch.cat([k, k2], 1), torch.cat([v, v2], 1), mask))
        return x + to_map(y, *x.shape[2:])


class UNetStage(nn.Module):
    def __init__(self, o, channels, condition=0):
        super().__init__()
        self.residual = ResidualBlock(channels, EMBEDDING, o["group"])
        self.attention = ConditionAttention(channels, condition, o["heads"], o["group"]) if condition else None

    def forward(self, x, embedding, c):
        y = self.residual(x, embedding)
        return y if self.attention is None else self.attention(y, c)


class UNet(nn.Module):
    def __init__(self, o, condition, details, height, width):
        super().__init__()
        widths, pixels = o["widths"], o["patch"] ** 2
        self.patch, self.counts = o["patch"], o["blocks"]
        self.time1, self.time2 = nn.Linear(TIME_WIDTH, EMBEDDING), nn.Linear(EMBEDDING, EMBEDDING)
        self.pooled = nn.Linear(4 * condition, EMBEDDING)
        self.add_module("in", conv(6 * pixels, widths[0], 3))
        self.details_in, self.map_in = conv(details, widths[0], 1), conv(condition, widths[-1], 1)
        pairs = list(zip(widths, widths[1:]))
        self.down = nn.ModuleList([UNetStage(o, channels, condition if r == len(pairs) else 0)
                                   for r, channels in enumerate(widths) for _ in range(self.counts[r])])
        self.shrink = nn.ModuleList([conv(fine, coarse, 3, 2) for fine, coarse in pairs])
        self.grow = nn.ModuleList([conv(coarse, 4 * fine, 1) for fine, coarse in pairs])
        self.merge = nn.ModuleList([conv(2 * fine, fine, 1) for fine, _ in pairs])
        self.up = nn.ModuleList([UNetStage(o, fine) for fine, _ in pairs for _ in range(UP_BLOCKS)])
        cell = self.patch << len(pairs)
        self.positions = nn.Parameter(0.02 * torch.randn(widths[-1], height // cell, width // cell))
        self.out = conv(widths[0], 4 * pixels, 3)

    def forward(self, x, t, c):
        frequencies = torch.exp(torch.arange(TIME_WIDTH // 2) * (math.log(1000) / (TIME_WIDTH // 2 - 1)))
        angles = t[:, None] * frequencies
        embedding = self.time2(F.relu(self.time1(torch.cat([angles.sin(), angles.cos()], 1))))
        embedding = F.relu(embedding + self.pooled(c.pooled))
        y = getattr(self, "in")(F.pixel_unshuffle(torch.cat([x, c.prompt], 1), self.patch)) + self.details_in(c.details)
        stages, skips = iter(self.down), []
        for r, count in enumerate(self.counts):
            if r == len(self.shrink):
                y = y + self.map_in(c.map) + self.positions.to(y.dtype)
            for _ in range(count):
                y = next(stages)(y, embedding, c)
            if r < len(self.shrink):
                skips.append(y)
                y = self.shrink[r](y)
        for r in reversed(range(len(self.shrink))):
            y = self.merge[r](torch.cat([F.pixel_shuffle(self.grow[r](y), 2), skips[r]], 1))
            for stage in self.up[r * UP_BLOCKS : (r + 1) * UP_BLOCKS]:
                y = stage(y, embedding, c)
        drawn = F.pixel_shuffle(self.out(y), self.patch)
        return drawn[:, :3] + drawn[:, 3:] * c.prompt


class Generator(nn.Module):
    """Prompts and targets have one size; so the details, a resolution finer than the image encoder's coarsest, fit the
    U-Net's finest."""

    def __init__(self, options=DEFAULT_OPTIONS, vocabulary=DEFAULT_OPTIONS["text"]["vocabulary"]):
        super().__init__()
        size = options["height"], options["width"]
        image, condition = options["image"]["widths"], options["fusion"]["width"]
        self.text_encoder = TextEncoder(options["text"], vocabulary)
        self.image_encoder = ImageEncoder(options["image"], *size)
        self.fusion = JointFusion(options["fusion"], options["text"]["width"], image[-1])
        self.denoiser = UNet(options["decoder"], condition, image[-2:][0], *size)

    def condition(self, ids, mask, prompt, seen=None):
        """`seen`: whether each row sees its text, and its image ([B] bool each); None: all do."""
        return self.fusion(self.text_encoder(ids, mask), mask, *self.image_encoder(prompt), prompt, seen)

    def forward(self, x, t, ids, mask, prompt):
        return self.denoiser(x, t, self.condition(ids, mask, prompt))


class Training:
    """Steps of flow training: AdamW, clipping, a moving average of the weights."""

    def __init__(self, model, bf16, compiled=False):
        self.model, self.bf16 = model, bf16
        self.predict = torch.compile(model) if compiled else model
        self.average = [p.detach().clone() for p in model.parameters()]
        self.optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.99), weight_decay=0.01)

    def step(self, prompt, target, ids, mask):
        n = len(target)
        t = torch.sigmoid(torch.randn(n) * 1.5 - 2.5)
        s = t.view(n, 1, 1, 1)
        x = s * target + (1 - s) * torch.randn_like(target)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=self.bf16):
            clean = self.predict(x, t, ids, mask, prompt)
        loss = ((clean.float() - target).square().mean((1, 2, 3)) / (1 - t).clamp(min=0.1) ** 2).mean()
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        with torch.no_grad():
            for mean, p in zip(self.average, self.model.parameters()):
                mean.lerp_(p, 0.001)
        return loss.detach()
