"""models.py - what small models say of an event: a logistic regression, a scorecard."""
import json
import math
from fractions import Fraction

from values import Near


def number_of(value):
    return float(value) if not isinstance(value, bool) else float(int(value))


def shares_of(item, inputs):
    """What each input adds; None where a null leaves no score."""
    shares = {}
    for name, value in inputs.items():
        of = item["file"]["inputs"][name]
        if "weight" in of:
            value = of.get("null", of.get("mean")) if value is None else number_of(value)
            share = None if value is None else of["weight"] * (value - of.get("mean", 0)) / of.get("scale", 1)
        elif value is None:
            share = of.get("null")
        elif "bins" in of:
            share = next(b["points"] for b in of["bins"] if "below" not in b or number_of(value) < b["below"])
        else:
            text = str(value).lower() if isinstance(value, bool) else str(value)
            share = of["values"].get(text, of.get("other"))
        if share is None:
            return None
        shares[name] = share
    return shares


def score_of(item, shares):
    if shares is None:
        return None
    if item["file"]["form"] == "scorecard":
        return item["file"]["base"] + sum(shares.values())
    raw = item["file"]["intercept"] + sum(shares.values())
    if abs(raw) > 700:
        return Near(0.0 if raw < 0 else 1.0)
    return Near(1 / (1 + math.exp(-raw)), max([1.0] + [abs(s) for s in shares.values()]))


def base_of(item):
    return item["file"]["base" if item["file"]["form"] == "scorecard" else "intercept"]


def same_reasons(told, expected):
    """By model; the largest share first, rounded to 6 digits."""
    if {reason["model"] for reason in told} != {name for name, _, _, _ in expected}:
        return False
    for name, score, base, shares in expected:
        reason = next(r for r in told if r["model"] == name)
        said = [abs(float(s)) for s in reason["shares"].values()]
        within = {n: 1e-6 + 1e-12 * abs(s) for n, s in shares.items()}
        if set(reason["shares"]) != set(shares) or said != sorted(said, reverse=True) or float(reason["base"]) != base:
            return False
        if any(abs(float(reason["shares"][n]) - s) > within[n] for n, s in shares.items()):
            return False
        if abs(Fraction(reason["score"]) - Fraction(score)) > getattr(score, "within", 0):
            return False
    return True


def model_text(item):
    names = ", ".join(name for name, _ in item["inputs"])
    out = {"logistic": "out score float", "scorecard": "out points int"}[item["file"]["form"]]
    return f'model {item["name"]} from file "{item["name"]}.json" {{ in {names} {out} }}\n'


def write_model(item, folder):
    with open(f"{folder}/{item['name']}.json", "w", encoding="utf-8") as file:
        json.dump(item["file"], file)
