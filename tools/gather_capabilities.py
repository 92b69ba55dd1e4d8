"""Gathers what public tables say that models can do into `src/fairlead/catalog/gathered.json`.

    python tools/gather_capabilities.py MODELS_DEV_CHECKOUT 2026-07-02 LITELLM_JSON "1.108.7 of 2026-11-25"

A flag is taken where one table says it and the other does not contradict; where they contradict each other it is left
out, so unknown. Of limits models.dev's counts, which tells input and output together; LiteLLM's limit of the input
alone is smaller, and taken where it is the only one. `capabilities.toml`, kept by hand, wins over all of it.
"""

from __future__ import annotations

import json
import sys
import tomllib
from pathlib import Path
from typing import Any

from fairlead.catalog.litellm import PROVIDERS

OUT = Path(__file__).parents[1] / "src" / "fairlead" / "catalog" / "gathered.json"
MODELS_DEV = {"google": "gemini", "togetherai": "together"} | {
    name: name for name in ("openai", "anthropic", "mistral", "groq", "deepseek", "xai", "openrouter")
}
"""models.dev's name of a provider -> ours."""
MEDIA = {"vision": "image", "audio": "audio", "files": "pdf"}
FLAGS = {
    "tools": "supports_function_calling",
    "vision": "supports_vision",
    "audio": "supports_audio_input",
    "files": "supports_pdf_input",
    "json_schema": "supports_response_schema",
    "reasoning": "supports_reasoning",
}
"""Ours -> LiteLLM's."""
EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
Facts = dict[str, Any]


def models_dev(folder: Path) -> dict[str, Facts]:
    """Returns model -> what models.dev says of it."""
    found = {}
    for provider, ours in MODELS_DEV.items():
        root = folder / "providers" / provider / "models"
        for path in sorted(root.rglob("*.toml")):
            facts = _of_models_dev(_merged(path, folder))
            if facts:
                found[f"{ours}/{path.relative_to(root).with_suffix('').as_posix()}"] = facts
    return found


def _merged(path: Path, folder: Path) -> dict[str, Any]:
    own = tomllib.loads(path.read_text(encoding="utf-8"))
    base = folder / "models" / f"{own.get('base_model')}.toml"
    inherited = tomllib.loads(base.read_text(encoding="utf-8")) if base.is_file() else {}
    merged = inherited | own | {"limit": inherited.get("limit", {}) | own.get("limit", {})}
    for omitted in own.get("base_model_omit", []):
        merged.pop(omitted, None)
    return merged


def _of_models_dev(entry: dict[str, Any]) -> Facts:
    media = entry.get("modalities", {})
    if "text" not in media.get("output", []) or not entry.get("limit", {}).get("output"):
        return {}
    facts: Facts = {"context_tokens": entry["limit"].get("context"), "max_output_tokens": entry["limit"]["output"]}
    facts |= {"tools": entry.get("tool_call"), "reasoning": entry.get("reasoning")}
    facts |= {"json_schema": entry.get("structured_output")}
    facts |= {name: kind in media["input"] for name, kind in MEDIA.items() if "input" in media}
    options = entry.get("reasoning_options", [])
    efforts = next((option["values"] for option in options if option.get("type") == "effort"), None)
    return {name: value for name, value in (facts | {"efforts": efforts}).items() if value} | {
        name: False for name, value in facts.items() if value is False
    }


def litellm(path: Path) -> dict[str, Facts]:
    """Returns model -> what LiteLLM says of it."""
    found = {}
    for key, entry in json.loads(path.read_bytes()).items():
        theirs = entry.get("litellm_provider")
        if theirs in PROVIDERS and entry.get("mode") in {"chat", "responses"}:
            facts = {name: entry[flag] for name, flag in FLAGS.items() if isinstance(entry.get(flag), bool)}
            limits = {"context_tokens": "max_input_tokens", "max_output_tokens": "max_output_tokens"}
            facts |= {name: int(entry[limit]) for name, limit in limits.items() if entry.get(limit)}
            if efforts := entry.get("reasoning_effort_levels"):
                facts["efforts"] = efforts
            found[f"{PROVIDERS[theirs]}/{key.removeprefix(f'{theirs}/')}"] = facts
    return found


def gathered(first: dict[str, Facts], second: dict[str, Facts]) -> tuple[dict[str, Facts], int]:
    """Returns model -> fact -> [value, number of its source], and how many flags were left out as contradictory."""
    n_left_out, models = 0, {}
    for name in sorted(first.keys() | second.keys()):
        one, other = first.get(name, {}), second.get(name, {})
        facts = {fact: [value, 1] for fact, value in other.items()} | {fact: [value, 0] for fact, value in one.items()}
        against = [fact for fact in FLAGS if fact in one and fact in other and one[fact] != other[fact]]
        n_left_out += len(against)
        models[name] = {fact: said for fact, said in sorted(facts.items()) if fact not in against}
    return {name: facts for name, facts in models.items() if facts}, n_left_out


def main(checkout: str, as_of: str, table: str, version: str) -> None:
    """Writes the file."""
    models, n_left_out = gathered(models_dev(Path(checkout)), litellm(Path(table)))
    sources = [f"https://models.dev, as of {as_of}", f"litellm {version}"]
    lines = [f"    {json.dumps(name)}: {json.dumps(facts, separators=(',', ':'))}" for name, facts in models.items()]
    head = f'{{\n  "sources": {json.dumps(sources)},\n  "models": {{\n'
    OUT.write_text(f"{head}{chr(10).join(line + ',' for line in lines)[:-1]}\n  }}\n}}\n", encoding="utf-8")
    print(f"{len(models)} models, {n_left_out} flags left out as contradictory")


if __name__ == "__main__":
    main(*sys.argv[1:])
