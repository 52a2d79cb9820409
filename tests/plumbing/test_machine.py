"""Machines that are not here, on the CPU: an Apple GPU's narrow numbers, a GPU without bfloat16."""

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

import model
from kernels import attention, ops
from plumbing import machine as machine_module
from plumbing.machine import widest
from sampling import pick
from tests.attack import asks, call, in_this_process, material, options

STAGES = ("pretrain", "sft", "reward", "dpo", "ppo")


@pytest.fixture(scope="module")
def given(tmp_path_factory):
    return material(tmp_path_factory.mktemp("material"))


# --- no float64, no complex numbers, no pinned memory --------------------------------------------


class AppleGPU(TorchDispatchMode):
    """Stands for a device that has none of these: whatever makes such a tensor is refused."""

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        assert not kwargs.get("pin_memory") and "pin" not in str(function), function
        made = function(*args, **kwargs)
        if function is torch.ops.aten.lift_fresh.default:  # numpy's numbers, not on the device yet
            return made
        for x in tree_leaves(made):
            wide = isinstance(x, torch.Tensor) and (x.is_complex() or x.dtype == torch.float64)
            assert not wide, f"{function} makes {x.dtype}"
        return made


@pytest.fixture
def apple(monkeypatch):
    """The CPU takes the paths of an Apple GPU."""
    monkeypatch.setattr(machine_module, "NARROW", ("mps", "cpu"))
    monkeypatch.setattr(model, "POLAR", ())
    monkeypatch.setattr(ops, "_serves", lambda *_: False)
    monkeypatch.setattr(attention, "path_in_use", lambda *_: "sdpa")
    return AppleGPU()


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_asks_nothing_of_a_device_that_apples_gpus_lack(stage, given, tmp_path, apple):
    more = ["--n_eval=2"] if stage == "sft" else []
    with apple:
        assert call(stage, [*options(stage, given, tmp_path, 2), *more]) == (0, [])


@pytest.mark.parametrize("program", ["chat", "icl_eval"])
def test_chat_and_a_probe_ask_nothing_that_apples_gpus_lack(program, given, tmp_path, apple):
    (tmp_path / "sft.pt").write_bytes((given / "sft.pt").read_bytes())
    (tmp_path / "base.pt").write_bytes((given / "base.pt").read_bytes())
    with apple:
        code, lines = in_this_process(asks(program, ["--dtype=float32"], tmp_path))
    assert code in (0, None), lines


@pytest.mark.parametrize(
    "makes",
    [
        lambda: torch.ones(2).double(),
        lambda: torch.polar(torch.ones(2), torch.ones(2)),
        lambda: torch.zeros(2, dtype=torch.float64),
        lambda: torch.empty(2, pin_memory=True),
    ],
)
def test_the_stand_in_refuses(makes):
    with pytest.raises((AssertionError, RuntimeError)), AppleGPU():
        makes()


def test_a_draw_that_is_rounded_to_float32_stays_below_one(monkeypatch):
    """The largest draw of float64 would become 1, which no cumulative share exceeds."""
    from sampling import generate
    from tests.tiny import V, tiny

    noise = torch.full((2, 3), 1 - 2.0**-53, dtype=torch.float64)
    network = tiny()
    wide = generate(network, [[1], [2, 3]], 3, noise=noise)
    monkeypatch.setattr(machine_module, "NARROW", ("mps", "cpu"))
    narrow = generate(network, [[1], [2, 3]], 3, noise=noise)
    assert widest("cpu") is torch.float32 and max(max(row) for row in wide + narrow) < V


def test_few_digits_draw_the_same_tokens(monkeypatch):
    logits, noise = 3 * torch.randn(2000, 50), torch.rand(2000)
    wide = pick(logits, noise, top_k=9)
    monkeypatch.setattr(machine_module, "NARROW", ("mps", "cpu"))
    assert (pick(logits, noise, top_k=9) == wide).float().mean() > 0.999
    assert widest("mps") is torch.float32 and widest("cuda:1") is torch.float64
