"""A model that no longer fits one device is shared among processes (--fsdp): FSDP of Zhao et al.
2023 (arXiv 2304.11277), from outside, so that no stage has to know of it.

Of each parameter, its gradient and its optimizer state every process keeps 1/world, as a DTensor of
torch's. AdamW works on such shares alone; a matrix's nearest orthogonal one (Muon), the norm of all
gradients and a checkpoint need every row.
"""

import warnings

import torch
import torch.distributed as dist


def shard(model, machine):
    """Give this process its share of the model.

    A layer is gathered whole, in the number format of the matmuls, only while it computes. What
    stands between the layers, norms and the token table, is gathered once and in float32.
    """
    from torch.distributed.fsdp import (
        MixedPrecisionPolicy,
        fully_shard,
        register_fsdp_forward_method,
    )

    # It warns of writing into what the model returns, as nothing here does.
    warnings.filterwarnings("ignore", message="FSDP2-wrapped module")
    mesh = dist.init_device_mesh(machine.device.split(":")[0], (machine.processes,))
    policy = MixedPrecisionPolicy(machine.dtype, torch.float32, cast_forward_inputs=False)
    for block in model.h:
        for layer in (block.attn, block.mlp):
            fully_shard(layer, mesh=mesh, mp_policy=policy)
    model = fully_shard(model, mesh=mesh)
    register_fsdp_forward_method(model, "trunk")  # sampling enters there
    return model


def is_shared(x):
    """Is this tensor a share of a larger one?"""
    return hasattr(x, "full_tensor")


def whole(x):
    """The tensor of which x is this process's share; every process takes part."""
    return x.full_tensor() if is_shared(x) else x


def mine(x):
    """This process's share of a tensor, as an ordinary one."""
    return x.to_local() if is_shared(x) else x


def share(x, p):
    """This process's share of the whole tensor x, cut as the parameter p is."""
    if not is_shared(p) or x.shape != p.shape:
        return x
    from torch.distributed.tensor import distribute_tensor

    return distribute_tensor(x, p.device_mesh, p.placements, src_data_rank=None)


def gathered(state):
    """A state dict in which each shared tensor is whole, for the first process to write.

    Every process takes part in gathering; the others get None in its place.
    """
    if isinstance(state, dict):
        return {key: gathered(value) for key, value in state.items()}
    if isinstance(state, list):
        return [gathered(value) for value in state]
    if not is_shared(state):
        return state
    tensor = whole(state)
    return tensor.cpu() if dist.get_rank() == 0 else None


def cut(state, params):
    """The inverse of `gathered` for the state of an optimizer: {index: {name: tensor}}, each tensor
    cut as the parameter of that index is."""
    return {
        i: {name: kept(share(value, params[i])) for name, value in values.items()}
        for i, values in state.items()
    }


def kept(x):
    """A cut is a view, which would keep the whole in memory; its clone does not."""
    return x.clone() if is_shared(x) else x
