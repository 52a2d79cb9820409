"""The papers of docs/papers.md, by the names that the code uses."""

TITLES = {
    "GPT-2": "Radford et al. 2019, Language Models are Unsupervised Multitask Learners",
    "GPT-3": "Brown et al. 2020, Language Models are Few-Shot Learners",
    "InstructGPT": "Ouyang et al. 2022, Training language models to follow instructions with human "
    "feedback",
    "PPO paper": "Schulman et al. 2017, Proximal Policy Optimization Algorithms",
    "Schulman et al. 2016": "High-Dimensional Continuous Control Using Generalized Advantage "
    "Estimation",
    "Schulman 2020": "Approximating KL Divergence (blog)",
    "Ziegler et al. 2019": "Fine-Tuning Language Models from Human Preferences",
    "Stiennon et al. 2020": "Learning to summarize from human feedback",
    "DeepSeekMath": "Shao et al. 2024, DeepSeekMath: Pushing the Limits of Mathematical Reasoning "
    "in Open Language Models",
    "Ahmadian et al. 2024": "Back to Basics: Revisiting REINFORCE Style Optimization for Learning "
    "from Human Feedback in LLMs",
    "Rafailov et al. 2023": "Direct Preference Optimization: Your Language Model is Secretly a "
    "Reward Model",
    "Mitchell 2023": "A note on DPO with noisy preferences and relationship to IPO",
    "Patrini et al. 2017": "Making Deep Neural Networks Robust to Label Noise: a Loss Correction "
    "Approach",
    "Hu et al. 2021": "LoRA: Low-Rank Adaptation of Large Language Models",
    "Glaese et al. 2022": "Improving alignment of dialogue agents via targeted human judgements "
    "(Sparrow)",
    "Askell et al. 2021": "A General Language Assistant as a Laboratory for Alignment",
    "Bai et al. 2022a": "Training a Helpful and Harmless Assistant with RLHF (HH-RLHF)",
    "Bai et al. 2022b": "Constitutional AI: Harmlessness from AI Feedback",
    "Gao et al. 2023": "Scaling Laws for Reward Model Overoptimization",
    "Chizhov et al. 2024": "BPE Gets Picky: Efficient Vocabulary Refinement During Tokenizer "
    "Training",
    "Su et al. 2021": "RoFormer: Enhanced Transformer with Rotary Position Embedding",
    "Henry et al. 2020": "Query-Key Normalization for Transformers",
    "Hendrycks & Gimpel 2016": "Gaussian Error Linear Units",
    "Chen et al. 2016": "Training Deep Nets with Sublinear Memory Cost",
    "FlashAttention-2": "Dao 2023, Faster Attention with Better Parallelism and Work Partitioning",
    "Jordan et al. 2024": "Muon: An optimizer for hidden layers in neural networks (blog)",
    "Holtzman et al. 2020": "The Curious Case of Neural Text Degeneration",
    "Holtzman et al. 2021": "Surface Form Competition: Why the Highest Probability Answer Isn't "
    "Always Right",
    "Zhao et al. 2021": "Calibrate Before Use: Improving Few-Shot Performance of Language Models",
    "Xie et al. 2021": "An Explanation of In-context Learning as Implicit Bayesian Inference",
    "Min et al. 2022": "Rethinking the Role of Demonstrations: What Makes In-Context Learning "
    "Work?",
    "Yoo et al. 2022": "Ground-Truth Labels Matter: A Deeper Look into Input-Label Demonstrations",
    "Olsson et al. 2022": "In-context Learning and Induction Heads",
    "Elhage et al. 2021": "A Mathematical Framework for Transformer Circuits",
    "Bradley & Terry 1952": "Rank Analysis of Incomplete Block Designs: I. The Method of Paired "
    "Comparisons",
    "Zermelo 1929": "Die Berechnung der Turnier-Ergebnisse als ein Maximumproblem der "
    "Wahrscheinlichkeitsrechnung",
    "Wilson 1927": "Probable Inference, the Law of Succession, and Statistical Inference",
}
