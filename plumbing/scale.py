"""float16, on a GPU that has no bfloat16: the loss is multiplied before its gradients are taken.

float16 holds nothing below 6e-8, and gradients are often smaller. Those of a loss that is many
thousand times larger are not; the update divides by the factor again (Micikevicius et al. 2018,
arXiv 1710.03740, section 3.2). Where the factor is too large a gradient overflows: that update is
left out and the factor halved.
"""

import torch

FIRST = 2.0**16
SMALLEST = 1.0  # a gradient that overflows without any scale belongs to a training that diverges


class Scale:
    """The factor on the loss. One serves all networks of a run: it moves once per step, after the
    last of their updates. skipped: updates left out so far."""

    def __init__(self, device):
        self.scaler = torch.amp.GradScaler(device.split(":")[0], init_scale=FIRST)
        self.skipped = 0
        self.used = False  # were gradients divided by it since it last moved?

    def up(self, loss):
        """The loss, multiplied."""
        self.move()
        return self.scaler.scale(loss)

    def move(self):
        """Halve it where a gradient has overflowed, double it after 2,000 steps without."""
        if self.used:
            self.scaler.update()
        self.used = False

    def down(self, optimizers):
        """Divide the gradients that these optimizers are about to use."""
        self.used = True
        for optimizer in optimizers:
            self.scaler.unscale_(optimizer)

    def fits(self, norm):
        """Is the norm of the divided gradients a number? Else the update is left out, and counted.
        What is no number without a scale either is not for it to mend."""
        if norm.isfinite() or self.scaler.get_scale() <= SMALLEST:
            return True
        self.skipped += 1
        return False

    def norm(self, norm):
        """A norm of gradients before they are divided; 0 where they overflow, since nothing is
        learned from them."""
        size = norm / self.scaler.get_scale()
        return size if size < float("inf") else 0.0

    def state(self):
        """What --resume needs to go on to the same bits."""
        self.move()
        return {**self.scaler.state_dict(), "skipped": self.skipped}

    def load(self, state):
        """Go on with a saved state; None, of a run in another format: begin anew."""
        if state:
            self.skipped = state["skipped"]
            self.scaler.load_state_dict(state)
