"""Training of word vectors, float64, slow and obvious: what csrc/fasttext/word_steps.h and its loop say."""

import math

import numpy as np
from reference import random_key, random_u32

CHUNK, DRAWS, BAG_DRAWS, MOST_DRAWS, GROUP, STEADY = 16, 64, 16, 1024, 16, 1.0
LINE_TOKENS, STREAM_TOKENS, STREAMS = 1024, 8192, 8


def alias_table(counts, exponent):
    """Vose's: (share of its own, other word) of each place."""
    count = len(counts)
    sizes = np.array([float(one) ** exponent for one in counts])
    sizes *= count / sizes.sum()
    keeps, others = np.ones(count), list(range(count))
    small = [i for i in range(count) if sizes[i] < 1]
    large = [i for i in range(count) if sizes[i] >= 1]
    while small and large:
        below, above = small.pop(), large[-1]
        keeps[below], others[below] = sizes[below], above
        sizes[above] -= 1 - sizes[below]
        if sizes[above] < 1:
            small.append(large.pop())
    return keeps, others


def draw(table, key, number):
    keeps, others = table
    place = random_u32(key, 2 * number) * len(keeps) >> 32
    share = (random_u32(key, 2 * number + 1) >> 8) / 2**24
    return place if share < np.float32(keeps[place]) else others[place]


def read_stream(lines, key, keeps, window, singly):
    """Kept words of lines, and entries: (place of a word, places of the neighbours it is learnt with)."""
    words, entries, number = [], [], 0
    thins, far = random_key(key, 0), random_key(key, 1)
    for line in lines:
        known, part, parts = 0, [], []
        for word in line:
            if word is not None:
                known += 1
                if np.float32((random_u32(thins, number) >> 8) / 2**24) < np.float32(keeps[word]):
                    part.append((word, 1 + (random_u32(far, number) * window >> 32)))
            number += 1
            if known > LINE_TOKENS:
                parts.append(part)
                part, known = [], 0
        for kept in [*parts, part]:
            begin = len(words)
            for i, (word, reach) in enumerate(kept):
                near = [begin + n for n in range(max(0, i - reach), min(len(kept), i + reach + 1)) if n != i]
                entries += (
                    [(begin + i, [one]) for one in near] if singly else [(begin + i, near)] * bool(near)
                )
                words.append(word)
    return words, entries


def ways_of(counts):
    """Huffman's tree as fastText builds it: each word's inner nodes from its leaf up, and whether right."""
    sums = [*counts, *[1e15] * (len(counts) - 1)]
    parents, leaf, next_node = {}, len(counts) - 1, len(counts)
    for node in range(len(counts), len(sums)):
        sums[node] = 0
        for right in (False, True):
            if leaf >= 0 and (next_node >= node or counts[leaf] < sums[next_node]):
                child, leaf = leaf, leaf - 1
            else:
                child, next_node = next_node, next_node + 1
            parents[child] = node, right
            sums[node] += sums[child]
    ways = []
    for word in range(len(counts)):
        way, node = [], word
        while node in parents:
            node, right = parents[node]
            way.append((node - len(counts), right))
        ways.append(way)
    return ways


def tree_updates(words, entry, rows_of, rows, output, ways, rate, bags):
    """As chunk_updates, of one entry."""
    place, near = entry
    learners = near if bags else [place]
    hidden = np.mean(
        [np.mean([rows[row] for row in rows_of[words[one]]], axis=0) for one in learners], axis=0
    )
    added, d_hidden = [], 0
    for node, right in ways[words[place if bags else near[0]]]:
        amount = rate * (right - 1 / (1 + math.exp(-(hidden @ output[node]))))
        d_hidden = d_hidden + amount * output[node]
        added.append((1, node, amount * hidden))
    return added + [(0, row, d_hidden) for one in learners for row in rows_of[words[one]]]


def chunk_updates(stream, first, size, rows_of, rows, output, table, key, rate, negatives, bags):
    """[(matrix number, row, what is added)] of some entries, from weights as they are."""
    words, entries = stream
    drawn = int((BAG_DRAWS if bags else DRAWS) * max(negatives / 5, 1)) if size == CHUNK else negatives
    draws = [draw(table, key, i) for i in range(min(drawn, MOST_DRAWS))]
    added = []
    for place, near in entries[first : first + size]:
        means = {
            other: np.mean([rows[row] for row in rows_of[words[other]]], axis=0) for other in [*near, place]
        }
        hidden = np.mean([means[other] for other in near], axis=0) if bags else means[place]
        targets = [words[place]] if bags else [words[other] for other in near]
        pairs = [(target, 1.0, 1.0) for target in targets]
        for drawn in draws:
            pairs.append((drawn, 0.0, sum(target != drawn for target in targets) * negatives / len(draws)))
        d_hidden = 0
        for word, wanted, times in pairs:
            amount = rate * times * (wanted - 1 / (1 + math.exp(-(hidden @ output[word]))))
            d_hidden = d_hidden + amount * output[word]
            added.append((1, word, amount * hidden))
        for learner in near if bags else [place]:
            added += [(0, row, d_hidden) for row in rows_of[words[learner]]]
    return added


def train(
    lines,
    counts,
    rows_of,
    rows,
    output,
    window,
    negatives,
    exponent,
    sample,
    rate,
    least,
    epochs,
    seed,
    bags,
    tree=False,
):
    """Changes rows and output. `lines`: of numbers of words, None for what is none."""
    counts = np.asarray(counts, float)
    shares = counts / counts.sum()
    keeps = np.minimum(np.sqrt(sample / shares) + sample / shares, 1) if sample else np.ones(len(counts))
    kept = keeps * counts
    crowds = np.zeros(len(rows))
    for word, rows_of_word in enumerate(rows_of):
        np.add.at(crowds, rows_of_word, kept[word])
    most = max(crowds[rows_of_word].mean() for rows_of_word in rows_of)
    steps = rate * (window + 1) * max(negatives / 5, 1)
    together = min(STEADY / steps * kept.sum() / most, GROUP * CHUNK)
    size, group = (CHUNK, int(together) // CHUNK) if together >= CHUNK else (1, 1)
    if tree:
        size = group = 1
    ways = ways_of(counts.tolist()) if tree else None
    table = alias_table(counts, exponent)
    streams, current, length = [], [], 0
    for line in lines:
        current.append(line)
        length += len(line)
        if length >= STREAM_TOKENS:
            streams.append(current)
            current, length = [], 0
    if current:
        streams.append(current)
    total, begun = epochs * sum(map(len, lines)), 0
    for epoch in range(epochs):
        epoch_key = random_key(seed, epoch)
        for first in range(0, len(streams), STREAMS):
            block = streams[first : first + STREAMS]
            read = [
                read_stream(
                    part, random_key(epoch_key, 2 * (first + i)), keeps, window, size == 1 and not bags
                )
                for i, part in enumerate(block)
            ]
            key = random_key(epoch_key, 2 * first + 1)
            places = [(part, at) for part in read for at in range(0, len(part[1]), size)]
            tokens = sum(len(line) for part in block for line in part)
            for start in range(0, len(places), group):
                done = (begun + tokens * start / len(places)) / total
                now = least + (rate - least) * max(1 - done, 0)
                added = []
                for i, (part, at) in enumerate(places[start : start + group]):
                    if tree:
                        added = tree_updates(part[0], part[1][at], rows_of, rows, output, ways, now, bags)
                        break
                    added += chunk_updates(
                        part,
                        at,
                        size,
                        rows_of,
                        rows,
                        output,
                        table,
                        random_key(key, start + i),
                        now,
                        negatives,
                        bags,
                    )
                for matrix, row, step in added:
                    (rows, output)[matrix][row] += step
            begun += tokens
