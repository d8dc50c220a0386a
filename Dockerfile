# syntax=docker/dockerfile:1
# One image for every service; the command says which. Nothing of the build stays in it.

FROM python:3.11-slim-bookworm AS base
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1

FROM base AS wheel
WORKDIR /src
COPY requirements.lock ./
# The lock holds the build's own needs too (hatchling, Node for the front end): the build is as pinned as the run.
RUN python -m venv /build && /build/bin/pip install --require-hashes --no-deps -r requirements.lock
ENV PATH=/build/bin:$PATH
COPY . .
RUN pip wheel --no-deps --no-build-isolation --wheel-dir /wheels . \
 && pip install --no-deps /wheels/*.whl \
 && python deploy/image/run_lock.py requirements.lock > /wheels/run.lock

FROM base AS installed
COPY --from=wheel /wheels /wheels
RUN python -m venv /opt/payvand \
 && /opt/payvand/bin/pip install --require-hashes --no-deps -r /wheels/run.lock \
 && /opt/payvand/bin/pip install --no-deps /wheels/*.whl

FROM base
RUN groupadd --gid 10001 payvand \
 && useradd --uid 10001 --gid payvand --no-create-home --home-dir /app --shell /usr/sbin/nologin payvand \
 && install -d -o payvand -g payvand -m 0750 /var/lib/payvand /var/lib/payvand/secrets /var/lib/payvand/data \
 && install -d /app
COPY --from=installed /opt/payvand /opt/payvand
ENV PATH=/opt/payvand/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /app
USER payvand
EXPOSE 8081
CMD ["payvand", "--help"]
