# Needs Python 3.11 or newer with venv. Both stages use it, because the environment points at its interpreter. A release
# pins it by digest: --build-arg BASE_IMAGE=python:3.13-slim@sha256:…
ARG BASE_IMAGE=python:3.13-slim

# hadolint ignore=DL3006 — the argument has the tag
FROM ${BASE_IMAGE} AS build
ARG VERSION=0.1.0
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /build

# Two environments: one to build, and one without pip to run.
RUN python3 -m venv tools && python3 -m venv --without-pip /opt/openrouter-exporter
COPY requirements/ requirements/
RUN tools/bin/pip install --require-hashes --only-binary :all: --requirement requirements/build.txt \
 && tools/bin/pip --python /opt/openrouter-exporter/bin/python install --no-compile \
      --require-hashes --only-binary :all: --requirement requirements/runtime.txt

COPY pyproject.toml README.md LICENSE ./
COPY exporter/ exporter/
# Files in an image do not change, so that no start has to check compiled files against their sources.
RUN sed -i "s/^__version__ = .*/__version__ = \"${VERSION}\"/" exporter/__init__.py \
 && tools/bin/pip wheel --no-build-isolation --no-deps --wheel-dir wheels . \
 && tools/bin/pip --python /opt/openrouter-exporter/bin/python install --no-compile --no-index --no-deps wheels/*.whl \
 && /opt/openrouter-exporter/bin/python -m compileall -q --invalidation-mode unchecked-hash /opt/openrouter-exporter/lib

# hadolint ignore=DL3006
FROM ${BASE_IMAGE}
ARG BASE_IMAGE
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="openrouter-exporter" \
      org.opencontainers.image.description="Prometheus exporter for OpenRouter spend, usage and credit" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.source="https://github.com/openrouter-exporter/openrouter-exporter" \
      org.opencontainers.image.url="https://github.com/openrouter-exporter/openrouter-exporter" \
      org.opencontainers.image.base.name="${BASE_IMAGE}" \
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
# Requests /-/healthy from the address in OPENROUTER_EXPORTER_WEB_LISTEN_ADDRESS.
HEALTHCHECK --interval=30s --timeout=6s --start-period=10s CMD ["openrouter-exporter", "healthcheck"]
ENTRYPOINT ["openrouter-exporter"]
CMD ["serve"]
