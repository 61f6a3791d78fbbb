"""What attnc is timed beside, each as a function that returns its output:
PyTorch's scaled_dot_product_attention, FlashAttention-3 where the package
fa3-fwd is importable, and FlexAttention."""

import torch

try:
    import fa3_fwd_interface as fa3
except ImportError:
    fa3 = None


def library(q, k, v, options, gqa=False):
    """cuDNN; for f32, which it does not take, the kernel that PyTorch chooses
    for it."""
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.nn.functional import scaled_dot_product_attention as sdpa
    backend = (SDPBackend.EFFICIENT_ATTENTION if q.dtype == torch.float32
               else SDPBackend.CUDNN_ATTENTION)

    def run():
        with sdpa_kernel(backend):
            return sdpa(q, k, v, enable_gqa=gqa, **options)
    return {"efficient" if q.dtype == torch.float32 else "cuDNN": run}


def flash3(q, k, v, options):
    """FlashAttention-3, which has positions before heads: it gets tensors that
    lie in that order, as its users have them."""
    if not fa3 or q.dtype == torch.float32 or q.shape[-1] % 8:
        return {}
    q, k, v = (tensor.transpose(1, 2).contiguous() for tensor in (q, k, v))

    def run():
        out = fa3.flash_attn_func(q, k, v, **options)
        return (out[0] if isinstance(out, tuple) else out).transpose(1, 2)
    return {"FA3": run}


def flash3_decode(q, k, v):
    """The same with a cache of keys, which it splits as it likes."""
    if not fa3:
        return {}
    q, k, v = (tensor.transpose(1, 2).contiguous() for tensor in (q, k, v))
    return {"FA3": lambda: fa3.flash_attn_with_kvcache(q, k, v).transpose(1, 2)}


def flex(q, k, v, formula, gqa=False, masking=False):
    """FlexAttention, compiled anew, which takes seconds. With `masking` also one
    that makes its block mask in every call, for masks that are data."""
    from torch.nn.attention.flex_attention import create_block_mask, flex_attention
    torch._dynamo.reset()
    compiled = torch.compile(flex_attention, dynamic=False)
    options = {"score_mod": formula.score, "scale": formula.scale, "enable_gqa": gqa}
    if not formula.mask:
        return {"Flex": lambda: compiled(q, k, v, **options)}

    def blocks():
        return create_block_mask(formula.mask, None, None, q.shape[2], k.shape[2])
    kept = blocks()
    found = {"Flex": lambda: compiled(q, k, v, block_mask=kept, **options)}
    if masking:
        found["Flex and its mask"] = lambda: compiled(q, k, v, block_mask=blocks(),
                                                      **options)
    return found
