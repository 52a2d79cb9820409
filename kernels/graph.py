"""A decode step as a CUDA graph: many small kernels, launched as one."""

import torch
import torch.nn.functional as F

GRAPHED = ("cuda",)  # kinds of device on which a decode step becomes a CUDA graph
GRAPH_FROM = 32  # tokens; recording costs the time of several steps (reckoned, not measured)


class Decoder:
    """The decode steps of `stream`: each takes one new token per row (B,) and gives logits (B, V).

    A step is many small kernels, which a GPU runs sooner than Python launches them. There, the
    second step is recorded as a CUDA graph and from then on launched as a whole. A graph repeats
    the same work on the same memory: tokens, lengths and cache stay where they are, and rows that
    have stopped stay among them.
    """

    def __init__(self, model, cache, lengths, graphed):
        self.model, self.cache, self.lengths = model, cache, lengths
        self.new, self.graphed = torch.empty_like(lengths), graphed
        self.graph = self.logits = None

    def step(self):
        x = self.model.trunk(self.new[:, None], self.cache, self.lengths)[:, 0]
        self.lengths += 1
        return F.linear(x, self.model.wte.weight)

    def record(self):
        """Makes the graph; nothing is computed yet.

        Weights that autocast has cast before are not used: it frees them when its block ends, and
        a text that is read as it is written outlives that block. Other threads go on meanwhile.
        """
        device = self.new.device.type
        self.graph = torch.cuda.CUDAGraph()
        with (
            torch.autocast(device, enabled=torch.is_autocast_enabled(device), cache_enabled=False),
            torch.cuda.graph(self.graph, capture_error_mode="thread_local"),
        ):
            self.logits = self.step()

    def __call__(self, new):
        self.new.copy_(new)
        if not self.graphed or self.logits is None:
            self.logits = self.step()  # the first also loads what kernels need, as no recording may
            return self.logits
        if self.graph is None:
            self.record()
        self.graph.replay()
        return self.logits

    def keep(self, live):
        """Drop all rows but those of index `live` from the cache."""
        self.cache, self.lengths = self.cache.index_select(2, live), self.lengths[live]
        self.new = self.new[live]
