# syntax=docker/dockerfile:1
# One image for every role: `docker build -t barograph .`, or TORCH=locked for torch with CUDA (some 4.5 GB more).
ARG PYTHON=3.12.14-slim-trixie

FROM python:${PYTHON} AS build
# The same as in the Makefile.
ARG UV_VERSION=0.13.9
ARG TORCH=cpu
ENV UV_NO_PROGRESS=1 UV_LINK_MODE=copy UV_COMPILE_BYTECODE=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
SHELL ["/bin/bash", "-euo", "pipefail", "-c"]
WORKDIR /build
RUN pip install --no-cache-dir uv==${UV_VERSION} && uv venv --python "$(command -v python)" /opt/barograph
ENV VIRTUAL_ENV=/opt/barograph
COPY pyproject.toml requirements.lock ./
# The lock is taken as constraints: its versions and hashes, without the embedded servers and the tools of tests.
# Its hash of torch is that of the build with CUDA, so the one without is taken by version alone, and what it
# needs by hash again.
RUN --mount=type=cache,target=/root/.cache/uv \
    case "${TORCH}" in \
      locked) uv pip install --require-hashes -r pyproject.toml -c requirements.lock ;; \
      cpu) \
        printf '%s\n' torch triton > without.txt; \
        awk '/^[a-z0-9]/ {keep = ($0 !~ /^(torch|triton|nvidia-|cuda-)/)} keep' requirements.lock > cpu.lock; \
        pin="$(sed -n 's/^torch==\([^ ]*\).*/\1/p' requirements.lock)"; \
        uv pip install --require-hashes --excludes without.txt -r pyproject.toml -c cpu.lock; \
        uv pip install --torch-backend cpu -c cpu.lock "torch==${pin}" ;; \
      *) echo "TORCH=${TORCH}: expected cpu or locked" >&2; exit 1 ;; \
    esac
COPY README.md LICENSE ./
COPY stream stream
COPY model model
COPY dashboard dashboard
RUN --mount=type=cache,target=/root/.cache/uv \
    uv build --wheel --out-dir dist && uv pip install --no-deps dist/*.whl && uv pip check

FROM python:${PYTHON}
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Barograph" \
      org.opencontainers.image.description="Real-time monitoring of financial opinion" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.licenses="Apache-2.0"
# The folder exists with its owner, so that a volume mounted there gets the same.
RUN groupadd --gid 10001 barograph \
 && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin barograph \
 && install -d -m 0700 -o 10001 -g 10001 /var/lib/barograph
COPY --from=build /opt/barograph /opt/barograph
ENV PATH=/opt/barograph/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    HOME=/tmp \
    BAROGRAPH_HOME=/var/lib/barograph
WORKDIR /var/lib/barograph
USER 10001:10001
ENTRYPOINT ["barograph"]
CMD ["--help"]
