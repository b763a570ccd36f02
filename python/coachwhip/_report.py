"""The summary that ``COACHWHIP_STATS=1`` prints at exit."""

import sys

import coachwhip


def summary():
    """The counters that are not 0, and what was left to the interpreter most often, as lines."""
    lines = ["coachwhip: summary"]
    details = []
    for name, value in coachwhip.stats().items():
        if isinstance(value, dict):
            details.append((name, value))
        elif isinstance(value, (int, float)) and value:
            lines.append(_line(name, value))
    for name, counts in details:
        if counts:
            lines.append(f"  {name.replace('_', ' ')}:")
            for key, count in sorted(counts.items(), key=lambda item: -item[1])[:10]:
                # Messages of the IR's verifier go on with a listing.
                lines.append(f"    {count:>12,}  {key.partition(chr(10))[0]}")
    return lines


def _line(name, value):
    label = name.replace("_", " ")
    if name.endswith("_nanoseconds"):
        return f"  {label.removesuffix(' nanoseconds')} time: {value / 1e6:,.1f} ms"
    return f"  {label}: {value:,}"


def print_summary():
    """Print it on stderr; called at exit."""
    if sys.stderr is not None:
        print("\n".join(summary()), file=sys.stderr)
