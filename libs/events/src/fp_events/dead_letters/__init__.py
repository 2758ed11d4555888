"""Events that could not be handled, and what operators do with them."""

from fp_events.dead_letters.letters import EVERY, DeadLetter, DeadLetters, Matching, each_letter

__all__ = ["EVERY", "DeadLetter", "DeadLetters", "Matching", "each_letter"]
