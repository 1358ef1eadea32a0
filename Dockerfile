# docker build --build-arg BASE=python:3.12-slim-bookworm -t shop-erp-connector .
ARG BASE=python:3.11-slim-bookworm

FROM ${BASE} AS build
WORKDIR /src
COPY requirements.lock pyproject.toml README.md LICENSE config.example.yaml ./
RUN python -m venv /opt/build && /opt/build/bin/pip install --require-hashes -r requirements.lock
COPY connector connector
COPY adapters adapters
COPY mappings mappings
COPY migrations migrations
# The same pinned versions, whose hashes were checked above, less the tools of development.
RUN /opt/build/bin/pip wheel --no-deps --no-build-isolation -w /wheels . \
 && sed -nE '/^[a-z0-9]/{s/ *\\$//;p}' requirements.lock > /constraints.txt \
 && python -m venv /opt/connector \
 && /opt/connector/bin/pip install -c /constraints.txt "$(echo /wheels/*.whl)[postgres]"

FROM ${BASE}
RUN groupadd --system --gid 10001 connector \
 && useradd --system --uid 10001 --gid connector --home-dir /var/lib/connector connector \
 && install -d -o connector -g connector -m 0750 /etc/connector /var/lib/connector
COPY --from=build /opt/connector /opt/connector
ENV PATH=/opt/connector/bin:$PATH PYTHONUNBUFFERED=1
USER connector
WORKDIR /var/lib/connector
VOLUME ["/etc/connector", "/var/lib/connector"]
# Asks the daemon's own /healthz where `web.listen` is port 8088; a container that runs another command
# than `run` has no daemon to be asked: docker run --no-healthcheck.
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s CMD \
 ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8088/healthz', timeout=4)"]
ENTRYPOINT ["connector"]
CMD ["run", "--config", "/etc/connector/config.yaml"]
