#!/usr/bin/env python3
"""run_model.py - models that the XGBoost library trained: its own results against those of base/model.

    run_model.py MODEL_SIDE

Trains small models of many kinds, saves each with save_model(), and asks both sides about 10,000 rows with missing values,
values at borders and values beyond a float. Scores must agree within 1e-6 (of 1, or of the score where that is larger), and
the shares of inputs with pred_contribs within 1e-5 of the largest. What cannot be read must be refused by name. Needs the
Python packages xgboost and numpy; without them everything is skipped. Ends with a line `N passed, N failed, N skipped`.
"""
import json
import os
import subprocess
import sys
import tempfile

try:
    import numpy as np
    import xgboost as xgb
except ImportError as missing:
    print(f"skipped: {missing}; `pip install xgboost` brings both")
    print("0 passed, 0 failed, 1 skipped")
    sys.exit(0)

ROWS, SHARE_ROWS, SEED = 10000, 200, 20260105
NAMES = ["amount", "n_1h", "hour", "age_days", "distance", "ratio", "night", "spread"]
CLOSE, SHARES_CLOSE = 1e-6, 1e-5


def make_rows(random):
    """Columns as rules have them: amounts with two digits, counts, flags, floats; one in twelve is missing."""
    rows = random.normal(size=(ROWS, len(NAMES)))
    rows[:, 0] = np.round(random.exponential(80, ROWS), 2)
    rows[:, 1] = random.integers(0, 12, ROWS)
    rows[:, 2] = random.integers(0, 24, ROWS)
    rows[:, 6] = random.integers(0, 2, ROWS)
    rows[random.random(rows.shape) < 1 / 12] = np.nan
    return rows


def make_target(rows, random):
    known = np.nan_to_num(rows)
    return (known[:, 0] / 80 + known[:, 1] * known[:, 6] / 6 + known[:, 3] * known[:, 4] + 0.7 * np.isnan(rows[:, 5])
            + random.normal(size=ROWS) / 3)


def cases(target):
    """(what, label, parameters, rounds)"""
    fraud = (target > 1.5).astype(float)
    counts = np.floor(np.abs(target) * 3)
    big = {"max_depth": 6, "eta": 0.1}
    yield "100 trees of depth 6", fraud, {"objective": "binary:logistic", **big}, 100
    for objective, label in (("binary:logitraw", fraud), ("reg:logistic", fraud), ("reg:squarederror", target * 1000),
                             ("reg:squaredlogerror", np.abs(target)), ("reg:absoluteerror", target),
                             ("reg:pseudohubererror", target), ("count:poisson", counts), ("reg:gamma", np.abs(target) + 0.1),
                             ("reg:tweedie", np.abs(target)), ("rank:pairwise", fraud), ("rank:ndcg", fraud),
                             ("rank:map", fraud)):
        yield objective, label, {"objective": objective, **big}, 40
    logistic = {"objective": "binary:logistic", **big}
    yield "a rare class, base_score 0.02", fraud, {**logistic, "base_score": 0.02, "scale_pos_weight": 20}, 40
    yield "labels that are all 1", np.ones(ROWS), logistic, 3
    yield "labels that are all 0", np.zeros(ROWS), logistic, 3
    yield "one tree", fraud, logistic, 1
    yield "trees without a split", fraud, {**logistic, "gamma": 1e9}, 9
    yield "stumps", fraud, {**logistic, "max_depth": 1}, 30
    yield "deep trees", fraud, {**logistic, "max_depth": 14, "eta": 0.5}, 6
    yield "by leaves", fraud, {**logistic, "grow_policy": "lossguide", "max_depth": 0, "max_leaves": 80, "tree_method": "hist"}, 30
    yield "exact splits", fraud, {**logistic, "tree_method": "exact"}, 20
    yield "approximate splits", fraud, {**logistic, "tree_method": "approx"}, 20
    yield "several trees a round", fraud, {**logistic, "num_parallel_tree": 3, "subsample": 0.5}, 20
    yield "dart", fraud, {**logistic, "booster": "dart", "rate_drop": 0.3}, 20
    yield "dart, normalized by forest", target, {"booster": "dart", "rate_drop": 0.5, "normalize_type": "forest", **big}, 20


class Side:
    """The program under test, over files in a folder."""

    def __init__(self, program, folder):
        self.program, self.folder = program, folder

    def save(self, booster, name="model.json"):
        path = os.path.join(self.folder, name)
        booster.save_model(path)
        return path

    def ask(self, path, names, rows, *options):
        text = "".join(",".join("" if np.isnan(x) else repr(float(x)) for x in row) + "\n" for row in rows)
        done = subprocess.run([self.program, path, ",".join(names), *options], input=text, capture_output=True, text=True,
                              timeout=300)
        if done.returncode != 0:
            raise AssertionError(done.stderr.strip())
        return np.array([[np.nan if word == "null" else float(word) for word in line.split()] for line in done.stdout.splitlines()])

    def refusal(self, path, names):
        done = subprocess.run([self.program, path, ",".join(names)], input="", capture_output=True, text=True, timeout=300)
        return done.stderr.strip() if done.returncode != 0 else ""


def train(rows, label, parameters, rounds, names=NAMES):
    data = xgb.DMatrix(rows, label=label, feature_names=names)
    if str(parameters.get("objective", "")).startswith("rank:"):
        data.set_group([100] * (ROWS // 100))
    return xgb.train({"seed": SEED, "nthread": 1, "verbosity": 0, **parameters}, data, rounds)


def at_borders(path, rows):
    """The rows, some of whose values are exactly a condition of some tree, or what stands beside it."""
    with open(path, encoding="utf-8") as file:
        booster = json.load(file)["learner"]["gradient_booster"]
    trees = booster.get("gbtree", booster)["model"]["trees"]
    splits = [(tree["split_indices"][i], tree["split_conditions"][i]) for tree in trees
              for i, child in enumerate(tree["left_children"]) if child != -1 and tree["split_indices"][i] < len(NAMES)]
    rows = rows.copy()
    for i, (column, split) in enumerate(splits[:ROWS // 4]):
        border = np.float32(split)
        rows[4 * i, column] = border
        rows[4 * i + 1, column] = np.nextafter(float(border), -np.inf)
        rows[4 * i + 2, column] = np.nextafter(border, np.float32(-np.inf))
    return rows


def compare(side, booster, rows):
    """An error text, or what to print."""
    path = side.save(booster)
    rows = at_borders(path, rows)
    data = xgb.DMatrix(rows, feature_names=NAMES)
    wanted, got = booster.predict(data).astype(float), side.ask(path, NAMES, rows)[:, 0]
    off = np.abs(got - wanted) / np.maximum(1, np.abs(wanted))
    if not (off <= CLOSE).all():
        worst = int(np.nanargmax(np.where(np.isnan(off), np.inf, off)))
        raise AssertionError(f"row {worst}: {got[worst]!r}, the library says {wanted[worst]!r}")
    few = rows[:SHARE_ROWS]
    data = xgb.DMatrix(few, feature_names=NAMES)
    theirs, raw = booster.predict(data, pred_contribs=True), booster.predict(data, output_margin=True)
    theirs = np.column_stack([theirs[:, -1], theirs[:, :-1]])  # the base first
    ours = side.ask(path, NAMES, few, "--shares")
    scale = max(1, np.abs(theirs).max())
    if np.abs(ours - theirs).max() > SHARES_CLOSE * scale:
        raise AssertionError(f"shares differ by {np.abs(ours - theirs).max():g}")
    if np.abs(ours.sum(axis=1) - raw).max() > SHARES_CLOSE * scale:
        raise AssertionError(f"shares miss the raw score by {np.abs(ours.sum(axis=1) - raw).max():g}")
    return f"{off.max():.1e} off at most, {(got == wanted).mean():.2%} the same bits"


def other_order(side, rows, label):
    """`in` may name the inputs in any order; without names in the file its order counts."""
    booster = train(rows, label, {"objective": "binary:logistic"}, 5)
    wanted = booster.predict(xgb.DMatrix(rows, feature_names=NAMES)).astype(float)
    turned = list(reversed(range(len(NAMES))))
    got = side.ask(side.save(booster), [NAMES[i] for i in turned], rows[:, turned])[:, 0]
    if np.abs(got - wanted).max() > CLOSE:
        raise AssertionError("inputs by name")
    booster = train(rows, label, {"objective": "binary:logistic"}, 5, names=None)
    got = side.ask(side.save(booster), NAMES, rows)[:, 0]
    if np.abs(got - wanted).max() > CLOSE:
        raise AssertionError("inputs in order")
    return ""


def refusals(side, rows, label):
    """What would give another result is refused, and says what it is."""
    linear = train(rows, label, {"booster": "gblinear"}, 1)
    classes = train(rows, np.clip(np.nan_to_num(rows[:, 1]), 0, 3) // 1, {"objective": "multi:softprob", "num_class": 4}, 1)
    hinge = train(rows, label, {"objective": "binary:hinge"}, 1)
    plain = train(rows, label, {}, 1)
    texts = [(side.save(linear), NAMES, "the booster `gblinear` is not supported"),
             (side.save(classes, "classes.json"), NAMES, "the objective `multi:softprob` is not supported"),
             (side.save(hinge, "hinge.json"), NAMES, "the objective `binary:hinge` is not supported"),
             (side.save(plain, "plain.json"), NAMES[1:] + ["amont"], "the model needs `amount`, which `in` has not; `in` has `amont`")]
    if int(xgb.__version__.split(".")[0]) >= 2:
        kinds = np.column_stack([np.nan_to_num(rows[:, 1]), rows[:, 3]])
        data = xgb.DMatrix(kinds, label=(kinds[:, 0] % 3 == 1).astype(float), feature_names=["kind", "x"],
                           feature_types=["c", "q"], enable_categorical=True)
        booster = xgb.train({"max_depth": 2, "verbosity": 0}, data, 1)
        texts.append((side.save(booster, "kinds.json"), ["kind", "x"], "splits by category are not supported"))
        binary = os.path.join(side.folder, "plain.ubj")
        plain.save_model(binary)
        texts.append((binary, NAMES, "a binary form of XGBoost"))
    for path, names, text in texts:
        said = side.refusal(path, names)
        if text not in said:
            raise AssertionError(f"expected `{text}`, got `{said}`")
    return f"{len(texts)} of them"


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    passed = failed = skipped = 0
    random = np.random.default_rng(SEED)
    rows = make_rows(random)
    target = make_target(rows, random)
    print(f"xgboost {xgb.__version__}, {ROWS} rows each")
    with tempfile.TemporaryDirectory() as folder:
        side = Side(os.path.abspath(sys.argv[1]), folder)

        def step(what, test):
            nonlocal passed, failed
            try:
                print(f"  {what}: {test()}")
                passed += 1
            except (AssertionError, subprocess.SubprocessError) as error:
                print(f"FAILED {what}: {error}")
                failed += 1

        for what, label, parameters, rounds in cases(target):
            try:
                booster = train(rows, label, parameters, rounds)
            except xgb.core.XGBoostError as error:
                print(f"skipped {what}: {str(error).splitlines()[0]}")
                skipped += 1
                continue
            step(what, lambda: compare(side, booster, rows))
        fraud = (target > 1.5).astype(float)
        step("inputs by name and in order", lambda: other_order(side, rows, fraud))
        step("what is refused", lambda: refusals(side, rows, fraud))
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
