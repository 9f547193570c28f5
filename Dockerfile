# Tradeport's processes, one image for all of them: `python -m portal.process NAME` (compose.yaml).
FROM node:22-slim AS assets
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --no-audit --no-fund

FROM python:3.12-slim AS packages
WORKDIR /app
COPY requirements-server.txt constraints.txt ./
RUN python -m venv .venv \
    && .venv/bin/pip install --no-cache-dir --disable-pip-version-check -r requirements-server.txt -c constraints.txt

FROM python:3.12-slim
ENV PATH=/app/.venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    DJANGO_SETTINGS_MODULE=portal.settings \
    STATIC_ROOT=/app/staticfiles \
    HOST=0.0.0.0 \
    PORT=8000
RUN useradd --system --uid 10001 --home-dir /app --shell /usr/sbin/nologin tradeport
WORKDIR /app
COPY --from=packages /app/.venv .venv
COPY manage.py Procfile ./
COPY portal portal
COPY accounts accounts
COPY trading trading
COPY templates templates
# The assets are needed until they are collected, and settings want to be told secrets: these are none.
RUN --mount=type=bind,from=assets,source=/app/node_modules,target=/app/node_modules \
    SECRET_KEY=none TOKEN_KEYS=none python manage.py collectstatic --noinput --verbosity 0 \
    && python -m compileall -q portal accounts trading \
    && install -d -o tradeport -g tradeport -m 700 var
USER tradeport
VOLUME /app/var
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=6s --start-period=30s --retries=3 CMD ["python", "-m", "portal.probe"]
CMD ["python", "-m", "portal.process", "web"]
