"""The variants that times.py times: for each library of timed.txt the call, and
the formula that it is compared with.

A formula is PyTorch on indices that broadcast, as FlexAttention takes it; the
reference, the number of pairs that exist and FlexAttention all come from it, so
that they cannot differ.
"""

import dataclasses
import math
import typing

import torch


def softmax(score, mask):
    return score.softmax(-1)


@dataclasses.dataclass
class Formula:
    arguments: dict = dataclasses.field(default_factory=dict)
    mask: typing.Callable = None  # (b, h, m, n): the pair exists
    score: typing.Callable = None  # (product * scale, b, h, m, n)
    scale: float = None  # of the product; none: 1 / sqrt(D)
    weights: typing.Callable = softmax  # (score, -inf where masked, mask)
    more: dict = dataclasses.field(default_factory=dict)  # outputs beside out
    fa3: dict = None  # options of FlashAttention-3; none: it has no such thing
    library: dict = None  # of scaled_dot_product_attention, likewise

    def pairs(self, S, device="cuda"):
        """How many pairs of a head exist."""
        if not self.mask:
            return S * S
        index = torch.arange(S, device=device)
        return int(self.mask(0, 0, index[:, None], index[None, :]).sum())

    def reference(self, q, k, v):
        """The outputs of the last head of the last sequence, in double
        precision."""
        b, h = q.shape[0] - 1, q.shape[1] - 1
        q, k, v = (tensor[b, h].double() for tensor in (q, k, v))
        m = torch.arange(q.shape[0], device=q.device)[:, None]
        n = torch.arange(k.shape[0], device=q.device)[None, :]
        score = q @ k.T * (self.scale or q.shape[-1] ** -0.5)
        if self.score:
            score = self.score(score, b, h, m, n)
        mask = None
        if self.mask:
            mask = self.mask(b, h, m, n)
            score = score.masked_fill(~mask, -math.inf)
        weights = self.weights(score, mask)
        outputs = {"out": weights @ v}
        for name, compute in self.more.items():
            outputs[name] = compute(score, mask, weights)
        return outputs


def causal_pairs(b, h, m, n):
    return n <= m


def full(B, H, S):
    return Formula(fa3={}, library={})


def causal(B, H, S):
    return Formula(mask=causal_pairs, fa3={"causal": True},
                   library={"is_causal": True})


def alibi(B, H, S):
    slope = torch.linspace(0.1, 0.5, H, device="cuda").bfloat16()
    exact = slope.float()
    return Formula({"slope": slope}, causal_pairs,
                   lambda score, b, h, m, n: score + exact[h] * (n - m))


def softcap(B, H, S):
    return Formula({"cap": 30.0}, causal_pairs,
                   lambda score, b, h, m, n: 30 * torch.tanh(score / 30),
                   fa3={"causal": True, "softcap": 30.0})


def prefix(B, H, S):
    length = torch.full((B,), S // 4, dtype=torch.int32, device="cuda")
    return Formula({"prefix": length},
                   lambda b, h, m, n: (n <= m) | (n < length[b]))


def window(B, H, S):
    return Formula({"window": 1024},
                   lambda b, h, m, n: (n <= m) & (m - n < 1024))


def documents(B, H, S):
    doc = torch.arange(S, device="cuda", dtype=torch.int32) * 12 // S
    doc = doc.expand(B, S).contiguous()
    return Formula({"doc": doc},
                   lambda b, h, m, n: (n <= m) & (doc[b, n] == doc[b, m]))


def dilated(B, H, S):
    return Formula({"window": 1024, "dilation": 4},
                   lambda b, h, m, n: (n <= m) & (m - n < 4096) &
                   ((m - n) % 4 == 0))


IMAGE = 128  # pixels along a side


def image(B, H, S):
    def near(i, j):
        start = torch.clamp(i - 13 // 2, min=0, max=IMAGE - 13)
        return (j >= start) & (j < start + 13)
    return Formula({"window": 13},
                   lambda b, h, m, n: near(m // IMAGE, n // IMAGE) &
                   near(m % IMAGE, n % IMAGE))


def t5(B, H, S):
    torch.manual_seed(1)
    table = torch.randn(32, H, device="cuda").bfloat16()

    def biased(score, b, h, m, n):
        distance = (n - m).abs()
        square = (distance * distance).to(torch.float32) + 0.5
        far = (2 + torch.log2(square).floor().to(torch.int32)).clamp(max=15)
        bucket = torch.where(distance < 8, distance, far)
        return score + table[torch.where(n > m, bucket + 16, bucket), h]
    return Formula({"table": table}, score=biased, scale=1.0)


def sigmoid(B, H, S):
    return Formula(weights=lambda score, mask: (score - math.log(S)).sigmoid())


def two_stage(B, H, S):
    def weights(score, mask):
        visible = torch.arange(1, S + 1, device=score.device)[:, None]
        # Scores outside of the mask are -inf, and the first row's factor is 0.
        score = score.masked_fill(~mask, 0) * (math.log(128) * visible.log())
        weight = torch.nn.functional.softplus(score) * mask
        weight = weight / weight.sum(-1, keepdim=True)
        sharp = (visible * weight - (visible > 1).to(weight)).relu() ** 3 * mask
        return sharp / sharp.sum(-1, keepdim=True)
    return Formula({"power": 3.0}, causal_pairs, weights=weights)


def statistics(B, H, S):
    outputs = {name: torch.full((B, H, S), math.nan, device="cuda")
               for name in ("lse", "entropy", "mass")}

    def entropy(score, mask, weights):
        return -torch.xlogy(weights, weights).sum(-1)

    def mass(score, mask, weights):
        return weights.sum(0) / mask.sum(0)
    return Formula(outputs, causal_pairs, more={
        "lse": lambda score, mask, weights: score.logsumexp(-1),
        "entropy": entropy, "mass": mass})


def sink(B, H, S):
    torch.manual_seed(1)
    logits = torch.randn(H, device="cuda").bfloat16()

    def weights(score, mask):
        # Of the head that is compared, the last.
        one = torch.full_like(score[:, :1], float(logits[-1]))
        return torch.cat([score, one], -1).softmax(-1)[:, :-1]
    return Formula({"sink": logits}, causal_pairs, weights=weights)


def column(B, H, S):
    return Formula(weights=lambda score, mask: score.softmax(0))


# In B and S: 16384 tokens in all.
SHAPES = [(16, 1024), (4, 4096), (1, 16384)]
SHORT, LONG = SHAPES[1:2], SHAPES[2:]

# Of libraries timed-NAME-D: NAME, its formula, head sizes, shapes. Where the
# name has f32, tensors are of f32.
VARIANTS = [
    ("full", full, (64, 128, 256), SHAPES),
    ("causal", causal, (64, 128, 256), SHAPES),
    ("alibi", alibi, (128,), LONG),
    ("prefix", prefix, (128,), LONG),
    ("softcap", softcap, (128,), LONG),
    ("window", window, (128,), LONG),
    ("documents", documents, (128,), LONG),
    ("t5", t5, (128,), LONG),
    ("dilated", dilated, (128,), LONG),
    ("image", image, (128,), LONG),
    ("sink", sink, (128,), LONG),
    ("sigmoid", sigmoid, (128,), SHORT),
    ("full", full, (72,), SHORT),
    ("full-f32", full, (64, 128), SHORT),
    ("two-stage", two_stage, (128,), SHORT),
    ("statistics", statistics, (128,), SHORT),
    ("column", column, (128,), SHORT),
]
