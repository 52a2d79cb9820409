"""How every figure looks: style, colours, panels, frames.

A figure is one function from the logs, {kind: its runs}, to a Shown: the picture, and one sentence
computed from the same rows. It raises Missing where the logs lack what it draws.
"""

from dataclasses import dataclass

from lab.figures.vector import EDGE, INK, PAPER
from lab.figures.words import plain

# What report.py draws them with; a name from a log is text, never a formula.
STYLE = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": EDGE,
    **dict.fromkeys(("text.color", "axes.labelcolor", "axes.edgecolor"), INK),
    **dict.fromkeys(("xtick.color", "ytick.color"), INK),
    "axes.facecolor": PAPER,
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "lines.linewidth": 1.6,
    "lines.markersize": 5,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "text.parse_math": False,
    "hatch.linewidth": 0.7,
    "figure.constrained_layout.w_pad": 0.16,  # a row's name in Korean may be a little wider
}
DOTTED = {"color": "black", "linestyle": ":", "linewidth": 1}
# The colours of Okabe and Ito (2008); dashes and markers tell the same apart in grey print.
LOOKS = (
    (INK, "-", "o"),  # black on a light page
    ("#0072B2", "--", "s"),
    ("#D55E00", "-.", "^"),
    ("#009E73", ":", "D"),
    ("#CC79A7", (0, (5, 1, 1, 1, 1, 1)), "v"),
    ("#E69F00", (0, (8, 2)), "P"),
    ("#56B4E9", (0, (1, 2)), "X"),
)


@dataclass
class Shown:
    """A figure, what it shows in one sentence, and how it is to be read: (English, Korean)."""

    figure: object  # matplotlib's, or pictures as SVG text: (English, Korean)
    takeaway: tuple
    caption: tuple
    table: tuple = ()  # rows of text or of such pairs, the first one the columns; shown below
    title: tuple = ()  # the finding, where there is one; else the section keeps its own title


def canvas(panels, columns, height=2.9, **options):
    """A figure of page width and the axes of its panels; `height` inches for each row."""
    from matplotlib.figure import Figure

    rows = -(-panels // columns)
    figure = Figure(figsize=(9, height * rows), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False, **options).ravel().tolist()
    for ax in axes[panels:]:
        ax.axis("off")
    return figure, axes[:panels]


def frame(ax, title, x, y):
    ax.set(title=title, xlabel=x, ylabel=y)


def labelled(ax, labels):
    """A row for each label, the first one on top."""
    ax.set_yticks(range(len(labels)), [plain(label) for label in labels])
    ax.set_ylim(len(labels) - 0.5, -0.5)


def legend_below(figure, columns):
    """One legend for all panels; what has the same label stands in it once."""
    handles = {}
    for ax in figure.axes:
        for handle, label in zip(*ax.get_legend_handles_labels()):
            handles[label] = handle
    figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=columns)
