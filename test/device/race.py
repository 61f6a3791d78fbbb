"""Times of contenders that take turns in one process, so that they see the same
clocks; the numbers are medians."""

import statistics

import torch


def event_time(run, repeats):
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    start.record()
    for _ in range(repeats):
        run()
    end.record()
    end.synchronize()
    return start.elapsed_time(end) / repeats * 1e-3


def race(contenders, rounds):
    """The median seconds of each."""
    repeats, seconds = {}, {name: [] for name in contenders}
    for name, run in contenders.items():
        run()
        once = event_time(run, 1)
        repeats[name] = max(1, min(50, int(0.02 / max(once, 1e-6))))
    for _ in range(rounds):
        for name, run in contenders.items():
            seconds[name].append(event_time(run, repeats[name]))
    return {name: statistics.median(list_) for name, list_ in seconds.items()}
