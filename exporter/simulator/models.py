"""The simulated catalogue: which models exist, who serves them and at what list price."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

_CYCLE = 90  # days from one release of a passing model to the next
_LIFE = 60  # days of those on which it is served

# Slug | permaslug, = if the same | USD per million prompt and completion tokens | traits | providers
# Traits: R reasons, C caches prompts, P<phase> comes and goes. Phases lie 15 days apart, so that in every 30 days some
# models arrive and others leave.
_TABLE = """
anthropic/claude-sonnet-4.5 | anthropic/claude-4.5-sonnet-20250929 | 3 15 | RC | Anthropic,Amazon Bedrock,Google Vertex
openai/gpt-5 | openai/gpt-5-2025-08-07 | 1.25 10 | RC | OpenAI,Azure
google/gemini-2.5-flash | = | 0.3 2.5 | RC | Google AI Studio,Google Vertex
deepseek/deepseek-chat-v3.1 | = | 0.27 1 | RC | DeepInfra,Fireworks,Together
deepseek/deepseek-chat-v3.1:free | deepseek/deepseek-chat-v3.1 | 0 0 | RP0 | DeepInfra
openai/gpt-4.1-mini | openai/gpt-4.1-mini-2025-04-14 | 0.4 1.6 | C | OpenAI,Azure
anthropic/claude-haiku-4.5 | anthropic/claude-4.5-haiku-20251001 | 1 5 | C | Anthropic,Amazon Bedrock
qwen/qwen3-coder | qwen/qwen3-coder-480b-a35b-07-25 | 0.22 0.95 | C | Alibaba,Together,DeepInfra
meta-llama/llama-3.3-70b-instruct | = | 0.13 0.38 | - | Groq,Together,Nebius
moonshotai/kimi-k2-0905 | = | 0.39 1.9 | P15 | Moonshot AI,Groq
google/gemini-2.5-pro | = | 1.25 10 | RC | Google Vertex
meta-llama/llama-3.3-70b-instruct:free | meta-llama/llama-3.3-70b-instruct | 0 0 | - | Venice
openai/gpt-5-mini | openai/gpt-5-mini-2025-08-07 | 0.25 2 | RC | OpenAI,Azure
z-ai/glm-4.6 | = | 0.4 1.75 | RP30 | Z.AI,Novita,baseten/fp4
x-ai/grok-code-fast-1 | = | 0.2 1.5 | RCP45 | xAI
mistralai/mistral-small-3.2-24b-instruct | mistralai/mistral-small-3.2-24b-instruct-2506 | 0.06 0.18 | - | Mistral
openai/text-embedding-3-small | = | 0.02 0 | - | OpenAI
qwen/qwen3-235b-a22b-2507 | qwen/qwen3-235b-a22b-07-25 | 0.08 0.55 | P60 | Cerebras,DeepInfra
openai/o4-mini | openai/o4-mini-2025-04-16 | 1.1 4.4 | RCP75 | OpenAI,Azure
openai/gpt-oss-120b | = | 0.05 0.25 | R | Groq,Cerebras,Fireworks
google/gemini-2.5-flash-lite | = | 0.1 0.4 | C | Google AI Studio
anthropic/claude-opus-4.1 | anthropic/claude-4.1-opus-20250805 | 15 75 | RC | Anthropic,Google Vertex
deepseek/deepseek-r1-0528 | = | 0.4 1.75 | R | DeepInfra,Together
mistralai/codestral-2508 | = | 0.3 0.9 | - | Mistral
qwen/qwen-2.5-72b-instruct | = | 0.07 0.26 | P20 | DeepInfra,Novita
cohere/command-a | cohere/command-a-03-2025 | 2.5 10 | - | Cohere
minimax/minimax-m2 | = | 0.26 1.02 | R | Minimax,Fireworks
nvidia/nemotron-nano-9b-v2:free | nvidia/nemotron-nano-9b-v2 | 0 0 | R | Nvidia
google/gemma-3-27b-it | = | 0.09 0.16 | - | DeepInfra,Nebius,Parasail
perplexity/sonar | = | 1 1 | - | Perplexity
"""


@dataclass(frozen=True, slots=True)
class Model:
    """A model; prices are USD per million tokens, which is the same as millionths of a USD per token."""

    slug: str
    permaslug: str
    price_in: float
    price_out: float
    providers: tuple[str, ...]
    reasons: bool
    caches: bool
    phase: int | None  # None is always served; a number shifts when the model comes and goes

    def served_on(self, day: date) -> bool:
        """Return whether the model is available on a day; passing models come and go on fixed dates."""
        return self.phase is None or (day.toordinal() + self.phase) % _CYCLE < _LIFE


def _parse(line: str) -> Model:
    slug, permaslug, prices, traits, providers = line.split(" | ")
    price_in, price_out = map(float, prices.split())
    _, comes_and_goes, phase = traits.partition("P")
    return Model(
        slug,
        slug if permaslug == "=" else permaslug,
        price_in,
        price_out,
        tuple(providers.split(",")),
        reasons="R" in traits,
        caches="C" in traits,
        phase=int(phase) if comes_and_goes else None,
    )


MODELS: tuple[Model, ...] = tuple(_parse(line) for line in _TABLE.strip().splitlines())
PAIRS: tuple[tuple[Model, str], ...] = tuple((model, provider) for model in MODELS for provider in model.providers)
