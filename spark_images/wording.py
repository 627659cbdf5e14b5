"""Words that messages of several rooms share."""


def counted(number: int, noun: str) -> str:
    """Returns a number with its noun, which gets an "s" unless the number is 1: `1 image`, `1,042 images`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
