"""The network against Hugging Face's GPT-2, and sampling against a slow loop without a cache."""

import itertools
import math

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

import model as module
from kernels import build, graph, ops
from likelihood import masked_mean
from model import GPT, QK_LENGTH, GPTConfig
from sampling import filter_logits, generate, pick, stream
from tests.kernels.test_ops import rotation_at
from tests.tiny import V, tiny

BOTH = pytest.mark.parametrize("pos", ["rope", "learned"])


# --- the network -------------------------------------------------------------------------------


@BOTH
def test_a_later_token_changes_nothing_before_it(pos):
    model, tokens = tiny(pos), torch.randint(V, (3, 12))
    other = tokens.clone()
    other[:, 7] = (other[:, 7] + 1) % V
    a, b = model(tokens), model(other)
    assert torch.allclose(a[:, :7], b[:, :7], atol=1e-6)
    assert (a[:, 7:] - b[:, 7:]).abs().amax(-1).min() > 1e-3  # and it changes everything after


@BOTH
@pytest.mark.parametrize("head", ["lm", "scalar"])
def test_pads_on_the_right_change_nothing(pos, head):
    model, tokens = tiny(pos, head=head), torch.randint(V, (3, 9))
    padded = torch.cat([tokens, torch.randint(V, (3, 6))], dim=1)
    assert torch.allclose(model(padded)[:, :9], model(tokens), atol=1e-5)


@BOTH
def test_the_order_of_tokens_matters(pos):
    model = tiny(pos)
    a, b = model(torch.tensor([[1, 2, 3]])), model(torch.tensor([[2, 1, 3]]))
    assert (a[:, -1] - b[:, -1]).abs().max() > 1e-3


@BOTH
def test_cached_logits_equal_uncached(pos):
    model, tokens = tiny(pos), torch.randint(V, (2, 14))
    full = model.trunk(tokens)
    cache = model.new_cache(2, 14)
    assert torch.allclose(model.trunk(tokens[:, :5], cache), full[:, :5], atol=1e-5)
    for t in range(5, 14):
        x = model.trunk(tokens[:, t : t + 1], cache, torch.tensor([t, t]))
        assert torch.allclose(x[:, 0], full[:, t], atol=1e-5)


@BOTH
def test_gradients_reach_every_parameter(pos):
    model = tiny(pos)
    tokens = torch.randint(V, (4, 33))
    model(tokens[:, :-1], tokens[:, 1:]).mean().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters())


def test_the_loss_of_a_fresh_model_is_that_of_guessing():
    model = tiny(loud=False, n_embd=64)
    tokens = torch.randint(V, (8, 32))
    assert model(tokens, tokens.roll(-1, 1)).mean().item() == pytest.approx(math.log(V), abs=0.05)


def test_exits_of_the_residual_stream_start_smaller():
    model = tiny(loud=False, n_embd=128, n_layer=8)
    for block in model.h:
        for layer in (block.attn.c_proj, block.mlp.c_proj):
            assert layer.weight.std().item() == pytest.approx(0.02 / 4, rel=0.1)
        assert block.mlp.c_fc.weight.std().item() == pytest.approx(0.02, rel=0.1)


def test_the_loss_of_each_position_and_ignored_targets():
    model, tokens = tiny(), torch.randint(V, (2, 6))
    targets = torch.randint(V, (2, 6))
    targets[0, 2:4] = targets[1, 0] = -1
    loss = model(tokens, targets)
    logp = model(tokens).log_softmax(-1)
    for b in range(2):
        for t in range(6):
            expected = 0 if targets[b, t] < 0 else -logp[b, t, targets[b, t]].item()
            assert loss[b, t].item() == pytest.approx(expected, abs=1e-5)


def test_a_fresh_scalar_head_gives_exactly_zero():
    model = tiny(head="scalar", loud=False)
    assert torch.equal(model(torch.randint(V, (3, 7))), torch.zeros(3, 7))
    lm = tiny(bias=True)
    saved = {"model": lm.state_dict(), "model_config": vars(lm.config)}
    assert torch.equal(
        GPT.from_checkpoint(saved, head="scalar")(torch.randint(V, (2, 5))), torch.zeros(2, 5)
    )


def test_from_checkpoint_refuses_weights_of_another_network():
    saved = {"model": tiny("learned").state_dict(), "model_config": vars(tiny("rope").config)}
    with pytest.raises(ValueError, match="wpe"):
        GPT.from_checkpoint(saved)
    with pytest.raises(ValueError, match="even heads"):
        tiny(n_head=3)


def test_dropout_is_off_in_eval():
    model, tokens = tiny(dropout=0.5), torch.randint(V, (2, 8))
    plain = GPT(GPTConfig(**{**vars(model.config), "dropout": 0.0}))
    plain.load_state_dict(model.state_dict())
    assert torch.equal(model.eval()(tokens), plain(tokens))
    model.train()
    assert not torch.allclose(model(tokens), model(tokens))


def test_learned_positions_end():
    model = tiny("learned", block_size=8)
    assert model(torch.zeros(1, 8, dtype=torch.long)).shape == (1, 8, V)
    with pytest.raises(ValueError, match="8 learned positions"):
        model(torch.zeros(1, 9, dtype=torch.long))
    with pytest.raises(
        ValueError, match="8 learned positions"
    ):  # 4 + 6 tokens, the last is not read
        generate(model, [[1, 2, 3, 4]], 6, temperature=0.0)
    assert len(generate(model, [[1, 2, 3, 4]], 5, temperature=0.0)[0]) == 5
    assert tiny("rope", block_size=8)(torch.zeros(1, 50, dtype=torch.long)).shape == (1, 50, V)


def test_flops_per_token_by_hand():
    # C=4, V=10: table 40, two norms of 4, attention 48 + 16, MLP 64 + 64, last norm 4: N = 244. The 8x4
    # position table multiplies nothing. T=8: 6·244 + 6·1·4·8 = 1656.
    config = dict(block_size=8, vocab_size=10, n_layer=1, n_head=1, n_embd=4)
    for pos in ("learned", "rope"):
        assert GPT(GPTConfig(pos=pos, **config)).flops_per_token(8) == 1656


# --- blocks that are computed again --------------------------------------------------------------


def gradients(model, recompute, compute=torch.autocast("cpu", enabled=False)):
    """(loss, gradients, numbers kept for the backward pass, blocks computed) of one step."""
    model.recompute, kept, ran = recompute, {}, []
    hooks = [block.register_forward_pre_hook(lambda *_: ran.append(1)) for block in model.h]
    model.zero_grad()
    torch.manual_seed(3)
    tokens = torch.randint(V, (3, 21))

    def keep(x):
        kept[x.untyped_storage().data_ptr()] = x.numel()
        return x

    with compute, torch.autograd.graph.saved_tensors_hooks(keep, lambda x: x):
        loss = model(tokens[:, :-1], tokens[:, 1:]).mean()
    loss.backward()
    for hook in hooks:
        hook.remove()
    return loss, [p.grad.clone() for p in model.parameters()], sum(kept.values()), len(ran)


@BOTH
@pytest.mark.parametrize("head", ["lm", "scalar", "reward"])
@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_blocks_computed_again_give_the_same_bits_for_less_memory(pos, head, dropout):
    model = tiny(pos, head=head, dropout=dropout, n_layer=4).train()
    loss, grads, kept, ran = gradients(model, False)
    again, same, less, twice = gradients(model, True)
    assert torch.equal(loss, again) and all(map(torch.equal, grads, same))
    assert (ran, twice) == (4, 8) and less < 0.5 * kept
    torch.manual_seed(3)  # and what is drawn next is the same too
    gradients(model, False)
    drawn = torch.rand(2)
    gradients(model, True)
    assert torch.equal(torch.rand(2), drawn)


def test_blocks_computed_again_in_bfloat16_and_compiled():
    model = tiny(n_layer=3, dropout=0.2).train()
    half = torch.autocast("cpu", torch.bfloat16)
    one, other = (gradients(model, recompute, half) for recompute in (False, True))
    assert torch.equal(one[0], other[0]) and all(map(torch.equal, one[1], other[1]))
    model = tiny(n_layer=2).train()
    loss, grads, *_ = gradients(model, True)
    model.compile(backend="aot_eager")
    again, same, *_ = gradients(model, True)
    torch.testing.assert_close(again, loss)
    torch.testing.assert_close(same, grads)


def test_blocks_are_computed_once_where_nothing_goes_back():
    model, ran = tiny(), []
    model.recompute = True
    model.h[0].register_forward_pre_hook(lambda *_: ran.append(1))
    with torch.no_grad():
        model(torch.randint(V, (2, 5)))
    cached = model.trunk(torch.randint(V, (2, 5)), model.new_cache(2, 8))
    cached.sum().backward()
    assert len(ran) == 2


# --- RoPE --------------------------------------------------------------------------------------


def test_queries_and_keys_of_one_length(monkeypatch):
    """No score is above QK_LENGTH² √D, however large the weights; without qk_norm they grow."""
    seen = []
    plain = module.attention.attention
    monkeypatch.setattr(
        module.attention, "attention", lambda q, k, v: (seen.append((q, k)), plain(q, k, v))[1]
    )
    for qk_norm in (True, False):
        model = tiny(n_layer=1, qk_norm=qk_norm)
        torch.nn.init.normal_(model.h[0].attn.c_attn.weight, std=3.0)
        model(torch.randint(V, (2, 5)))
    for q, k in seen:
        most = QK_LENGTH**2 * q.shape[-1] ** 0.5
        scores = (q @ k.mT).abs() / q.shape[-1] ** 0.5
        assert (scores.max() <= most * 1.0001) == (q is seen[0][0])
    lengths = seen[0][0].square().mean(-1).sqrt()
    torch.testing.assert_close(lengths, torch.full_like(lengths, QK_LENGTH))


def test_a_checkpoint_that_does_not_tell_has_plain_rope():
    model = tiny(qk_norm=False, rotary=1.0)
    config = vars(model.config).copy()
    del config["qk_norm"], config["rotary"]
    again = GPT.from_checkpoint({"model_config": config, "model": model.state_dict()})
    tokens = torch.randint(V, (2, 5))
    assert not again.config.qk_norm and torch.equal(again(tokens), model(tokens))
    for other in (dict(qk_norm=True), dict(rotary=0.5)):  # the same weights, read otherwise
        changed = {"model_config": {**config, **other}, "model": model.state_dict()}
        assert not torch.allclose(GPT.from_checkpoint(changed)(tokens), model(tokens))


@pytest.mark.parametrize("rotary", [1.0, 0.5, 0.1])
@pytest.mark.parametrize("length, qk_norm", [(QK_LENGTH, True), (1.0, False)])
def test_the_trunk_turns_by_position(monkeypatch, length, qk_norm, rotary):
    """A share of the pairs of channels turns, at least one; the others keep angle 0."""
    seen, rotate = [], ops.rotate
    monkeypatch.setattr(
        ops, "rotate", lambda x, r, n: (seen.append((x.shape[3], r / length)), rotate(x, r, n))[1]
    )
    model = tiny(n_layer=1, qk_norm=qk_norm, rotary=rotary)
    turning = {1.0: 4, 0.5: 2, 0.1: 1}[rotary]  # of four pairs
    cache = model.new_cache(2, 12)
    model.trunk(torch.randint(V, (2, 5)), cache)
    model.trunk(torch.randint(V, (2, 1)), cache, torch.tensor([3, 5]))
    (_, prefill), (_, decode) = seen
    for turn, positions in ((prefill, range(5)), (decode.reshape(2, 1, 1, -1, 2), [3, 5])):
        expected = rotation_at(positions, 2 * turning)
        assert torch.allclose(turn[..., :turning, :], expected, atol=1e-6)
        assert (turn[..., turning:, :] == torch.tensor([1.0, 0.0])).all()


# --- log-probabilities -------------------------------------------------------------------------


def test_masked_mean_by_hand():
    x = torch.tensor([[1.0, 2.0, 99.0], [6.0, -99.0, 99.0]])
    mask = torch.tensor([[1, 1, 0], [1, 0, 0]])
    assert masked_mean(x, mask).item() == 3.0  # over tokens: (1 + 2 + 6) / 3, not over rows


# --- sampling ----------------------------------------------------------------------------------


def slow_generate(model, prompts, n, noise, temperature=1.0, top_k=0, top_p=1.0, stop=()):
    """Each row alone, the whole text again for each token, nucleus and top-k by their definitions."""
    responses = []
    for prompt, u in zip(prompts, noise.tolist()):
        ids = list(prompt)
        for t in range(n):
            logits = model(torch.tensor([ids]))[0, -1].double()
            if temperature == 0:
                ids.append(int(logits.argmax()))
            else:
                p = (logits / temperature).softmax(-1).tolist()
                keep = kept(p, top_k, top_p)
                total = sum(p[i] for i in keep)
                below = 0.0
                for i in sorted(keep):
                    below += p[i] / total
                    if below > u[t]:
                        break
                ids.append(i)
            if ids[-1] in stop:
                break
        responses.append(ids[len(prompt) :])
    return responses


def kept(p, top_k, top_p):
    """The ids that top-k and then nucleus sampling keep, of the probabilities p."""
    order = sorted(range(len(p)), key=lambda i: -p[i])[: top_k or None]
    total, reached, keep = sum(p[i] for i in order), 0.0, []
    for i in order:
        if reached >= top_p and keep:
            break
        keep.append(i)
        reached += p[i] / total
    return keep


RAGGED = [
    [3],
    [1, 4, 1, 5, 9, 2, 6],
    [5, 3, 5],
    [8, 9, 7, 9],
    [3, 2, 3, 8, 4, 6],
    [2, 6],
    [4, 3, 3, 8],
]
STOPS = (0, 3, 7, 11, 19, 23)


@BOTH
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"stop": STOPS},
        {"stop": STOPS, "temperature": 0.6},
        {"temperature": 0.0, "stop": STOPS},
        {"top_k": 5, "stop": STOPS},
        {"top_p": 0.7, "stop": STOPS},
        {"top_k": 9, "top_p": 0.8, "temperature": 1.4},
    ],
)
def test_generate_equals_a_slow_uncached_loop(pos, options):
    model, noise = tiny(pos), torch.rand(len(RAGGED), 14)
    found = generate(model, RAGGED, 14, noise=noise, **options)
    assert found == slow_generate(model, RAGGED, 14, noise, **options)


@BOTH
def test_rows_that_stop_leave_the_cache_and_change_nothing(pos, monkeypatch):
    model, noise, prompts = tiny(pos), torch.rand(21, 14), RAGGED * 3
    widths, trunk = [], model.trunk
    monkeypatch.setattr(model, "trunk", lambda x, *a: (widths.append(len(x)), trunk(x, *a))[1])
    found = generate(model, prompts, 14, noise=noise, stop=STOPS)
    assert widths[0] == 21 and len(set(widths)) >= 3, "the batch should have shrunk at least twice"
    assert widths == sorted(widths, reverse=True)
    monkeypatch.undo()
    assert found == slow_generate(model, prompts, 14, noise, stop=STOPS)
    assert len({len(r) for r in found}) >= 4
    for response in found:  # up to and including the stop token, never past it
        assert not set(response[:-1]) & set(STOPS)
        assert response[-1] in STOPS or len(response) == 14


@BOTH
def test_a_batch_of_one(pos):
    model, noise = tiny(pos), torch.rand(1, 10)
    assert generate(model, [[1, 2, 3]], 10, noise=noise) == slow_generate(
        model, [[1, 2, 3]], 10, noise
    )


def test_stop_at_the_first_token_at_none_and_after_none():
    model, noise = tiny(), torch.rand(7, 5)
    assert [len(r) for r in generate(model, RAGGED, 5, noise=noise, stop=range(V))] == [1] * 7
    assert [len(r) for r in generate(model, RAGGED, 5, noise=noise)] == [5] * 7
    assert generate(model, RAGGED, 0) == [[]] * 7


def test_stream_yields_none_for_rows_that_have_stopped():
    model, noise = tiny(), torch.rand(7, 14)
    steps = list(stream(model, RAGGED, 14, noise=noise, stop=STOPS))
    responses = generate(model, RAGGED, 14, noise=noise, stop=STOPS)
    for row, response in enumerate(responses):
        assert [s[row] for s in steps] == response + [None] * (len(steps) - len(response))
    assert len(steps) == max(map(len, responses))


def test_a_seed_repeats_and_a_row_does_not_feel_its_neighbours():
    model = tiny()
    a, b = (generate(model, RAGGED, 8, seed=5) for _ in range(2))
    assert a == b != generate(model, RAGGED, 8, seed=6)
    noise = torch.rand(7, 8)
    together = generate(model, RAGGED, 8, noise=noise, stop=STOPS)
    alone = [generate(model, [p], 8, noise=n[None], stop=STOPS)[0] for p, n in zip(RAGGED, noise)]
    assert together == alone


def test_generate_under_autocast():
    with torch.autocast("cpu", torch.bfloat16):
        responses = generate(tiny(), RAGGED, 4, seed=1)
    assert all(len(r) == 4 and max(r) < V for r in responses)


class Recording(TorchDispatchMode):
    """What a CUDA graph does, on a CPU: capture computes nothing and lets no value be read; a
    replay repeats the operators on the very tensors that they met, and fills the same results."""

    def __init__(self):
        super().__init__()
        self.calls, self.before = [], []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if func in (torch.ops.aten._local_scalar_dense.default, torch.ops.aten.nonzero.default):
            raise RuntimeError("capture: a value was read from the device")
        for x, argument in zip(args, func._schema.arguments):
            if argument.alias_info and argument.alias_info.is_write:
                self.before.append((x, x.clone()))
        out = func(*args, **kwargs)
        self.calls.append((func, args, kwargs, out))
        return out

    def __exit__(self, *error):
        super().__exit__(*error)
        for x, value in reversed(self.before):
            x.copy_(value)

    def replay(self):
        for func, args, kwargs, out in self.calls:
            for old, new in zip(tree_leaves(out), tree_leaves(func(*args, **kwargs))):
                if torch.is_tensor(old) and old.data_ptr() != new.data_ptr():
                    old.copy_(new)

    def outside(self):
        """The memory it reads that was there before, by address."""
        found, made = set(), set()
        for func, args, kwargs, out in self.calls:
            found |= self.places((args, kwargs)) - made
            made |= self.places(out) - found
        return found

    @staticmethod
    def places(tree):
        return {x.untyped_storage().data_ptr() for x in tree_leaves(tree) if torch.is_tensor(x)}


@pytest.fixture
def recordings(monkeypatch):
    """Decode steps on the CPU become recordings, of the operators that a GPU runs; a list of
    them."""
    found = []

    def capture(graph, capture_error_mode):
        assert capture_error_mode == "thread_local"
        found.append(graph)
        return graph

    monkeypatch.setattr(graph, "GRAPHED", ("cpu",))
    monkeypatch.setattr(graph, "GRAPH_FROM", 3)
    monkeypatch.setattr(build, "available", lambda name: False)
    monkeypatch.setattr(torch.cuda, "CUDAGraph", Recording)
    monkeypatch.setattr(torch.cuda, "graph", capture)
    return found


@BOTH
@pytest.mark.parametrize("options", [{}, {"stop": STOPS}, {"temperature": 0.0, "stop": STOPS}])
def test_decode_steps_as_a_graph_change_nothing(pos, options, recordings, monkeypatch):
    model, noise = tiny(pos), torch.rand(len(RAGGED), 14)
    calls, trunk = [], model.trunk
    monkeypatch.setattr(model, "trunk", lambda x, *a: (calls.append(len(x)), trunk(x, *a))[1])
    found = generate(model, RAGGED, 14, noise=noise, **options)
    assert calls == [7, 7, 7] and len(recordings) == 1  # prefill, first step, recording
    monkeypatch.undo()
    assert found == slow_generate(model, RAGGED, 14, noise, **options)


def test_a_graph_reads_nothing_that_may_be_freed(recordings, monkeypatch):
    """A page reads a text step by step: the autocast block of one step is over at the next."""
    model, noise, decoders, make = tiny(), torch.rand(7, 9), [], graph.Decoder
    monkeypatch.setattr(graph, "Decoder", lambda *a: decoders.append(make(*a)) or decoders[-1])
    steps, tokens = stream(model, RAGGED, 9, noise=noise), []
    for n in (3, 1, 5):  # the third step makes the recording
        with torch.autocast("cpu", torch.bfloat16):
            tokens += itertools.islice(steps, n)
    lasting = [*model.parameters(), decoders[0].new, decoders[0].lengths, decoders[0].cache]
    assert recordings[0].outside() <= Recording.places(lasting)
    with torch.autocast("cpu", torch.bfloat16):
        alone = generate(model, RAGGED, 9, noise=noise)
    assert [list(row) for row in zip(*tokens)] == alone


def test_short_answers_and_sharded_models_are_not_recorded(recordings, monkeypatch):
    model, sharded = tiny(), tiny()
    sharded.reshard = None  # what tells a model of fully_shard
    monkeypatch.setattr(graph, "GRAPH_FROM", 9)
    generate(model, RAGGED, 8, seed=1)
    generate(sharded, RAGGED, 9, seed=1)
    assert not recordings
    generate(model, RAGGED, 9, seed=1)
    assert len(recordings) == 1


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
@BOTH
def test_cuda_graphs_change_nothing(pos, monkeypatch):
    model, noise = tiny(pos).cuda(), torch.rand(len(RAGGED), 20)
    monkeypatch.setattr(graph, "GRAPH_FROM", 3)
    found = [generate(model, RAGGED, 20, noise=noise, stop=STOPS)]
    monkeypatch.setattr(graph, "GRAPHED", ())
    found += [generate(model, RAGGED, 20, noise=noise, stop=STOPS)]
    assert found[0] == found[1]


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_pick_draws_from_the_softmax(temperature):
    n, logits = 20_000, torch.tensor([2.0, -1.0, 0.5, 0.0, 1.0, -0.5])
    drawn = pick(logits.expand(n, 6), torch.rand(n), temperature)
    observed = torch.bincount(drawn, minlength=6)
    expected = n * (logits / temperature).softmax(-1)
    chi2 = ((observed - expected) ** 2 / expected).sum().item()
    assert chi2 < 25.7  # 5 degrees of freedom, one run in ten thousand


def test_pick_at_the_ends():
    logits = torch.tensor([[-math.inf, 0.0, 0.0, -math.inf]])
    top = 1 - 2.0**-24  # the largest number that torch.rand gives
    for noise, token in ((0.0, 1), (0.49, 1), (0.5, 2), (top, 2)):
        assert pick(logits, torch.tensor([noise])).item() == token
    # Two equally likely tokens at temperature 0: the first. And noise says nothing there.
    assert pick(logits, torch.tensor([top]), temperature=0).item() == 1


@pytest.mark.parametrize(
    "top_k, top_p", [(1, 1.0), (4, 1.0), (99, 1.0), (0, 0.5), (0, 0.9), (0, 1e-9), (6, 0.6)]
)
def test_filter_logits_keeps_the_defined_set(top_k, top_p):
    logits = torch.randn(50, 12) * 2
    found = filter_logits(logits, 0.8, top_k, top_p)
    for row, out in zip(logits, found):
        keep = kept((row.double() / 0.8).softmax(-1).tolist(), min(top_k, 12), top_p)
        assert set(out.isfinite().nonzero().flatten().tolist()) == set(keep)
        assert torch.allclose(out[keep], row[keep] / 0.8)


def test_top_p_of_zero_still_leaves_a_token():
    logits = torch.tensor([[0.0, 3.0, 1.0]])
    assert pick(logits, torch.tensor([0.7]), top_p=0.0).item() in range(3)


def test_the_loss_in_parts_equals_the_loss_at_once(monkeypatch):
    model = tiny()
    tokens, targets = torch.randint(V, (3, 20)), torch.randint(-1, V, (3, 20))
    results = []
    for most in (2**25, 7 * V):  # all 60 rows at once, then 7 at a time
        monkeypatch.setattr(module, "MOST_LOGITS", most)
        model.zero_grad()
        loss = model(tokens, targets)
        loss.sum().backward()
        results.append([loss, *(p.grad.clone() for p in model.parameters())])
    for a, b in zip(*results):
        torch.testing.assert_close(a, b, atol=1e-4, rtol=1e-4)


# --- new tokens --------------------------------------------------------------------------------


@pytest.mark.parametrize("head", ["lm", "scalar"])
def test_new_tokens_start_like_an_old_one_and_the_old_ones_stay(head):
    model = tiny(head=head)
    tokens, before = torch.randint(V, (2, 9)), model.wte.weight.detach().clone()
    said = model(tokens)
    model.grow(V + 2, like=7)
    assert model.config.vocab_size == V + 2 == len(model.wte.weight)
    assert torch.equal(model.wte.weight[:V], before)
    assert torch.equal(model.wte.weight[V:], before[[7, 7]])
    grown = model(tokens)
    if head == "lm":  # the table is the output head as well
        assert torch.allclose(grown[..., V:], said[..., [7, 7]], atol=1e-6)
        grown = grown[..., :V]
    assert torch.allclose(grown, said, atol=1e-6)
    model.grow(V, like=0)  # nothing shrinks
    assert model.config.vocab_size == V + 2


def test_a_grown_network_learns_its_new_rows_and_goes_through_a_checkpoint():
    model = tiny()
    shape = model.config
    model.grow(V + 2, like=7)
    assert shape.vocab_size == V  # a shape that others share is not changed under them
    tokens = torch.randint(V + 2, (2, 9))
    loss = model(tokens[:, :-1], tokens[:, 1:])
    logp = model(tokens[:, :-1]).log_softmax(-1)
    assert torch.allclose(loss, -logp.gather(2, tokens[:, 1:, None]).squeeze(2), atol=1e-5)
    loss.sum().backward()
    assert model.wte.weight.grad[V:].abs().sum() > 0
    saved = {"model": model.state_dict(), "model_config": vars(model.config)}
    again = GPT.from_checkpoint(saved)
    assert torch.equal(again.eval()(tokens), model(tokens))
