# The base needs Python 3.11 or newer, with venv. Both stages share it: the environment points at its interpreter.
ARG BASE_IMAGE=python:3.13-slim

# hadolint ignore=DL3006 — the tag is in the argument
FROM ${BASE_IMAGE} AS build
ARG VERSION=0.1.0
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /build

# Two environments: one for what builds, and one, without even pip, for what runs.
RUN python3 -m venv tools && python3 -m venv --without-pip /opt/openrouter-exporter
COPY requirements/ requirements/
RUN tools/bin/pip install --require-hashes --only-binary :all: --requirement requirements/build.txt \
 && tools/bin/pip --python /opt/openrouter-exporter/bin/python install --no-compile \
      --require-hashes --only-binary :all: --requirement requirements/runtime.txt

COPY pyproject.toml README.md LICENSE ./
COPY exporter/ exporter/
# Files in an image don't change, so no start has to compare them with what was compiled.
RUN sed -i "s/^__version__ = .*/__version__ = \"${VERSION}\"/" exporter/__init__.py \
 && tools/bin/pip wheel --no-build-isolation --no-deps --wheel-dir wheels . \
 && tools/bin/pip --python /opt/openrouter-exporter/bin/python install --no-compile --no-index --no-deps wheels/*.whl \
 && /opt/openrouter-exporter/bin/python -m compileall -q --invalidation-mode unchecked-hash /opt/openrouter-exporter/lib

# hadolint ignore=DL3006
FROM ${BASE_IMAGE}
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="openrouter-exporter" \
      org.opencontainers.image.description="Prometheus exporter for what an OpenRouter account uses" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.source="https://github.com/openrouter-exporter/openrouter-exporter" \
      org.opencontainers.image.url="https://github.com/openrouter-exporter/openrouter-exporter" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /opt/openrouter-exporter /opt/openrouter-exporter
ENV PATH=/opt/openrouter-exporter/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    OPENROUTER_EXPORTER_REVISION=${REVISION}
USER 65532:65532
EXPOSE 10063
STOPSIGNAL SIGTERM
# It asks where the variables of the options say that the exporter listens.
HEALTHCHECK --interval=30s --timeout=6s --start-period=10s CMD ["openrouter-exporter", "healthcheck"]
ENTRYPOINT ["openrouter-exporter"]
CMD ["serve"]
