# The image of docker-compose.yml: the wheel's content with locked dependencies, run by a user of its own.
FROM node:20-bookworm-slim AS widgets
WORKDIR /build/widgets
COPY widgets/package.json widgets/package-lock.json widgets/.npmrc ./
RUN npm ci
COPY widgets/ ./
RUN npm run build

FROM python:3.11-slim-bookworm
# Speaks what clients of campaigns hear.
RUN apt-get update && apt-get install -y --no-install-recommends espeak-ng && rm -rf /var/lib/apt/lists/*
WORKDIR /opt/dozvon
COPY requirements-run.lock ./
RUN pip install --no-cache-dir --require-hashes -r requirements-run.lock
COPY pyproject.toml README.md LICENSE ./
COPY integration/ integration/
COPY connectors/ connectors/
COPY pbx_adapter/ pbx_adapter/
COPY bench/ bench/
COPY widgets/ widgets/
COPY --from=widgets /build/widgets/dist widgets/dist
COPY deploy/debian/dozvon.toml /etc/dozvon/dozvon.toml
RUN pip install --no-cache-dir --no-deps . && useradd --system --home /var/lib/dozvon dozvon \
    && install -d -o dozvon /var/lib/dozvon
USER dozvon
ENV DOZVON_LISTEN=0.0.0.0:8080
VOLUME /var/lib/dozvon
EXPOSE 8080 4573
HEALTHCHECK --interval=15s --timeout=5s CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/health', timeout=4)"]
ENTRYPOINT ["dozvon"]
CMD ["run", "--config", "/etc/dozvon/dozvon.toml"]
