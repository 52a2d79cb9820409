"""Machines that are not here, on the CPU: an Apple GPU's narrow numbers, a GPU without bfloat16."""

import json
from types import SimpleNamespace

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

import model
import optim
from kernels import attention, attention_gpu, ops
from plumbing import machine as machine_module
from plumbing import scale, signs
from plumbing.checkpoint import load_checkpoint
from plumbing.machine import Machine, fast_dtype, widest
from plumbing.run import Run
from sampling import generate, pick
from tests.attack import asks, call, in_this_process, material, options, weights_of
from tests.test_reliability import stopped_at
from tests.tiny import V, tiny

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


# --- float16, whose loss is scaled ---------------------------------------------------------------


@pytest.mark.parametrize(
    "capability, dtype",
    [
        ((6, 1), torch.float32),
        ((7, 0), torch.float16),
        ((7, 5), torch.float16),
        ((8, 0), torch.bfloat16),
        ((9, 0), torch.bfloat16),
    ],
)
def test_auto_takes_the_format_that_a_gpu_is_fast_at(capability, dtype, monkeypatch):
    monkeypatch.setattr(machine_module, "fast_bf16", lambda device: capability >= (8, 0))
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda *_: capability)
    assert fast_dtype("cuda:0") is dtype
    monkeypatch.setattr(attention_gpu, "triton", SimpleNamespace())
    reason = attention._why_not_fused("cuda", dtype, 64)
    assert (reason is None) == (capability >= (8, 0))
    assert reason is None or "compute capability 8.0" in reason


def learner(machine, value=1.0):
    """One number that learns at rate 1, and its optimizer with the machine's scale."""
    network = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.constant_(network.weight, value)
    sgd = torch.optim.SGD(network.parameters(), lr=1.0)
    sgd.param_groups[0]["peak_lr"], sgd.scale = 1.0, machine.scale
    return network, [sgd]


def test_a_scaled_step_by_hand():
    """The gradient of 3w is 3, that of 1e38·w times 65,536 no number of float32's."""
    machine = Machine("cpu", torch.float16)
    network, optimizers = learner(machine)
    machine.backward(3 * network.weight.sum())
    assert network.weight.grad.item() == 3 * 65_536
    assert signs.gradient_norm(network, machine) == 3
    norm = optim.step(optimizers, network, 0.5, clip=9.0)
    assert norm.item() == 3 and network.weight.item() == -0.5 and machine.scale.skipped == 0
    machine.backward(1e38 * network.weight.sum())
    assert signs.gradient_norm(network, machine) == 0
    norm = optim.step(optimizers, network, 0.5, clip=9.0)
    assert norm.item() == 0 and network.weight.item() == -0.5 and machine.scale.skipped == 1
    assert network.weight.grad is None
    machine.backward(network.weight.sum())
    assert network.weight.grad.item() == 32_768  # halved


def test_one_scale_serves_two_networks():
    """Of policy and value one overflows: that one is left alone, and the scale moves once."""
    machine = Machine("cpu", torch.float16)
    (policy, of_policy), (value, of_value) = learner(machine), learner(machine)
    machine.backward(1e38 * policy.weight.sum())
    machine.backward(0.25 * value.weight.sum())
    optim.step(of_policy, policy, 1.0)
    optim.step(of_value, value, 1.0)
    assert (policy.weight.item(), value.weight.item()) == (1.0, 0.75)
    assert machine.scale.state()["scale"] == 32_768 and machine.scale.skipped == 1


def test_what_is_no_number_without_a_scale_is_not_skipped_for_ever():
    machine = Machine("cpu", torch.float16)
    network, optimizers = learner(machine)
    for _ in range(17):
        machine.backward(float("inf") * network.weight.sum())
        norm = optim.step(optimizers, network, 1.0)
    assert machine.scale.skipped == 16 and not norm.isfinite()  # run.progress then ends the run


def test_the_state_of_a_scale_goes_on():
    one, other = scale.Scale("cpu"), scale.Scale("cpu")
    one.skipped = 3
    one.up(torch.ones(()))
    one.scaler.update(4096.0)
    other.load(one.state())
    other.load(None)  # a run in another format has none
    assert other.skipped == 3 and other.up(torch.ones(())).item() == 4096


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_in_float16_counts_what_it_skips_and_goes_on_to_the_same_bits(
    stage, given, tmp_path, monkeypatch
):
    """The scale begins where gradients overflow, and the run is stopped while it comes down."""
    monkeypatch.setattr(
        scale, "FIRST", 2.0 ** {"ppo": 20, "pretrain": 19, "sft": 18}.get(stage, 22)
    )
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    assert call(stage, [*options(stage, given, whole), "--dtype=float16"]) == (0, [])
    code, lines = stopped_at(
        stage, [*options(stage, given, cut), "--dtype=float16"], 6 if stage == "ppo" else 4
    )
    assert code == 130 and lines == ["stopped; go on with --resume"]
    assert call(stage, ["--resume", f"--out={cut}"]) == (0, [])
    one, two = (load_checkpoint(out / "last.pt") for out in (whole, cut))
    assert weights_of(cut / "last.pt") == weights_of(whole / "last.pt")
    assert one["scale"] == two["scale"] and one["scale"]["scale"] < scale.FIRST
    updates = 12 if stage == "ppo" else 6  # of two networks
    assert 0 < one["scale"]["skipped"] < updates, "some are left out, and some are made"
    log = (whole / "log.jsonl").read_text(encoding="utf-8").splitlines()
    assert "float16" in log[0]
    if stage == "ppo":  # the others log every tenth step
        told = [json.loads(line)["skipped"] for line in log if '"skipped"' in line]
        assert told[-1] == one["scale"]["skipped"]


def test_the_log_counts_the_skipped():
    run = SimpleNamespace(machine=Machine("cpu", torch.float16))
    run.machine.scale.skipped = 2
    assert Run.skipped(run) == {"skipped": 2}
    assert Run.skipped(SimpleNamespace(machine=Machine("cpu", torch.float32))) == {}


# --- blocks that are computed again --------------------------------------------------------------


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_that_computes_blocks_again_comes_to_the_same_bits(
    stage, given, tmp_path, monkeypatch
):
    plain, again = tmp_path / "plain", tmp_path / "again"
    more = ["--n_eval=2"] if stage == "sft" else []
    assert call(stage, [*options(stage, given, plain, 2), *more]) == (0, [])
    ran = []
    really = model.checkpoint
    monkeypatch.setattr(model, "checkpoint", lambda *a, **k: (ran.append(1), really(*a, **k))[1])
    argv = [*options(stage, given, again, 2), *more, "--checkpoint_activations"]
    assert call(stage, argv) == (0, [])
    assert weights_of(again / "last.pt") == weights_of(plain / "last.pt")
    assert len(ran) >= 2 and load_checkpoint(again / "last.pt")["train_config"]["grad_accum"] == 1
