"""Would deep reinforcement learning beat what you do today, and can you trust the answer?"""

__version__ = "0.1.0"
