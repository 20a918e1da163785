"""Which models exist in the simulated world, who serves them and at what list price."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

_CYCLE = 90  # days from one release of a passing model to the next
_LIFE = 60  # days of those on which it is served


@dataclass(frozen=True, slots=True)
class Model:
    """A model; prices are USD per million tokens, which is the same as millionths of a USD per token."""

    slug: str
    permaslug: str
    price_in: float
    price_out: float
    providers: tuple[str, ...]
    reasons: bool = False
    caches: bool = False
    phase: int | None = None  # None is always served; a number shifts when the model comes and goes

    def served_on(self, day: date) -> bool:
        """Say whether the model is on offer on a day: passing models come and go, at fixed dates whatever today is."""
        return self.phase is None or (day.toordinal() + self.phase) % _CYCLE < _LIFE


# Phases lie 15 days apart, so that every window of 30 days sees models arrive and others leave.
MODELS: tuple[Model, ...] = (
    Model(
        "anthropic/claude-sonnet-4.5",
        "anthropic/claude-4.5-sonnet-20250929",
        3.0,
        15.0,
        ("Anthropic", "Amazon Bedrock", "Google Vertex"),
        reasons=True,
        caches=True,
    ),
    Model("openai/gpt-5", "openai/gpt-5-2025-08-07", 1.25, 10.0, ("OpenAI", "Azure"), reasons=True, caches=True),
    Model(
        "google/gemini-2.5-flash",
        "google/gemini-2.5-flash",
        0.3,
        2.5,
        ("Google AI Studio", "Google Vertex"),
        reasons=True,
        caches=True,
    ),
    Model(
        "deepseek/deepseek-chat-v3.1",
        "deepseek/deepseek-chat-v3.1",
        0.27,
        1.0,
        ("DeepInfra", "Fireworks", "Together"),
        reasons=True,
        caches=True,
    ),
    Model(
        "deepseek/deepseek-chat-v3.1:free",
        "deepseek/deepseek-chat-v3.1",
        0.0,
        0.0,
        ("DeepInfra",),
        reasons=True,
        phase=0,
    ),
    Model("openai/gpt-4.1-mini", "openai/gpt-4.1-mini-2025-04-14", 0.4, 1.6, ("OpenAI", "Azure"), caches=True),
    Model(
        "anthropic/claude-haiku-4.5",
        "anthropic/claude-4.5-haiku-20251001",
        1.0,
        5.0,
        ("Anthropic", "Amazon Bedrock"),
        caches=True,
    ),
    Model(
        "qwen/qwen3-coder",
        "qwen/qwen3-coder-480b-a35b-07-25",
        0.22,
        0.95,
        ("Alibaba", "Together", "DeepInfra"),
        caches=True,
    ),
    Model(
        "meta-llama/llama-3.3-70b-instruct",
        "meta-llama/llama-3.3-70b-instruct",
        0.13,
        0.38,
        ("Groq", "Together", "Nebius"),
    ),
    Model("moonshotai/kimi-k2-0905", "moonshotai/kimi-k2-0905", 0.39, 1.9, ("Moonshot AI", "Groq"), phase=15),
    Model("google/gemini-2.5-pro", "google/gemini-2.5-pro", 1.25, 10.0, ("Google Vertex",), reasons=True, caches=True),
    Model("meta-llama/llama-3.3-70b-instruct:free", "meta-llama/llama-3.3-70b-instruct", 0.0, 0.0, ("Venice",)),
    Model(
        "openai/gpt-5-mini", "openai/gpt-5-mini-2025-08-07", 0.25, 2.0, ("OpenAI", "Azure"), reasons=True, caches=True
    ),
    Model("z-ai/glm-4.6", "z-ai/glm-4.6", 0.4, 1.75, ("Z.AI", "Novita", "baseten/fp4"), reasons=True, phase=30),
    Model("x-ai/grok-code-fast-1", "x-ai/grok-code-fast-1", 0.2, 1.5, ("xAI",), reasons=True, caches=True, phase=45),
    Model(
        "mistralai/mistral-small-3.2-24b-instruct",
        "mistralai/mistral-small-3.2-24b-instruct-2506",
        0.06,
        0.18,
        ("Mistral",),
    ),
    Model("openai/text-embedding-3-small", "openai/text-embedding-3-small", 0.02, 0.0, ("OpenAI",)),
    Model("qwen/qwen3-235b-a22b-2507", "qwen/qwen3-235b-a22b-07-25", 0.08, 0.55, ("Cerebras", "DeepInfra"), phase=60),
    Model(
        "openai/o4-mini",
        "openai/o4-mini-2025-04-16",
        1.1,
        4.4,
        ("OpenAI", "Azure"),
        reasons=True,
        caches=True,
        phase=75,
    ),
    Model("openai/gpt-oss-120b", "openai/gpt-oss-120b", 0.05, 0.25, ("Groq", "Cerebras", "Fireworks"), reasons=True),
    Model("google/gemini-2.5-flash-lite", "google/gemini-2.5-flash-lite", 0.1, 0.4, ("Google AI Studio",), caches=True),
    Model(
        "anthropic/claude-opus-4.1",
        "anthropic/claude-4.1-opus-20250805",
        15.0,
        75.0,
        ("Anthropic", "Google Vertex"),
        reasons=True,
        caches=True,
    ),
    Model("deepseek/deepseek-r1-0528", "deepseek/deepseek-r1-0528", 0.4, 1.75, ("DeepInfra", "Together"), reasons=True),
    Model("mistralai/codestral-2508", "mistralai/codestral-2508", 0.3, 0.9, ("Mistral",)),
    Model("qwen/qwen-2.5-72b-instruct", "qwen/qwen-2.5-72b-instruct", 0.07, 0.26, ("DeepInfra", "Novita"), phase=20),
    Model("cohere/command-a", "cohere/command-a-03-2025", 2.5, 10.0, ("Cohere",)),
    Model("minimax/minimax-m2", "minimax/minimax-m2", 0.26, 1.02, ("Minimax", "Fireworks"), reasons=True),
    Model("nvidia/nemotron-nano-9b-v2:free", "nvidia/nemotron-nano-9b-v2", 0.0, 0.0, ("Nvidia",), reasons=True),
    Model("google/gemma-3-27b-it", "google/gemma-3-27b-it", 0.09, 0.16, ("DeepInfra", "Nebius", "Parasail")),
    Model("perplexity/sonar", "perplexity/sonar", 1.0, 1.0, ("Perplexity",)),
)

PAIRS: tuple[tuple[Model, str], ...] = tuple((model, provider) for model in MODELS for provider in model.providers)
