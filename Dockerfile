# Three images from one file: web, worker, trainer. TensorFlow is in trainer alone.
#   docker build --target web --tag pliant-web .

FROM python:3.11-slim-bookworm AS scoring-packages
ENV PYTHONUNBUFFERED=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    CUDA_VISIBLE_DEVICES=-1 \
    PLIANT_DATA_DIR=/var/lib/pliant \
    PLIANT_STORAGE_URL=file:///var/lib/pliant/storage \
    PLIANT_TRAINING=0 \
    PLIANT_LOG_FORMAT=json
WORKDIR /srv/pliant
RUN useradd --system --uid 10001 --home-dir /var/lib/pliant pliant \
    && install --directory --owner=pliant --group=pliant /var/lib/pliant /var/lib/pliant/storage
COPY requirements/runtime.txt requirements/runtime.txt
RUN python -m pip install --no-cache-dir --no-deps --require-hashes -r requirements/runtime.txt
# A secret is a file /run/secrets/NAME, and becomes the variable NAME of the process alone: it is in
# no image, in no compose file and in no `docker inspect`.
ENTRYPOINT ["/bin/sh", "-c", "for file in /run/secrets/*; do if [ -f \"$file\" ]; then export \"${file##*/}=$(cat \"$file\")\"; fi; done; exec \"$@\"", "entrypoint"]
VOLUME ["/var/lib/pliant"]
# Workers and sweeper are well while this container holds a connection to the broker besides this one.
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import os, kombu; c = kombu.Connection(os.environ['PLIANT_BROKER_URL']).default_channel.client; host = c.client_info()['addr'].rpartition(':')[0]; held = [o for o in c.client_list() if o['addr'].rpartition(':')[0] == host]; raise SystemExit(len(held) < 2)"]

FROM scoring-packages AS training-packages
ENV PLIANT_TRAINING=1
COPY requirements/train.txt requirements/train.txt
RUN python -m pip install --no-cache-dir --no-deps --require-hashes -r requirements/train.txt

FROM scoring-packages AS web
COPY . .
RUN python -m pip install --no-cache-dir --no-index --no-deps --no-build-isolation --editable .
USER 10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/readyz', timeout=4)"]
CMD ["uvicorn", "app.main:create_app", "--factory", "--host", "0.0.0.0", "--port", "8000", "--workers", "2", "--timeout-worker-healthcheck", "60", "--timeout-graceful-shutdown", "5", "--no-server-header"]

FROM scoring-packages AS worker
COPY . .
RUN python -m pip install --no-cache-dir --no-index --no-deps --no-build-isolation --editable .
USER 10001
CMD ["celery", "-A", "worker.main", "worker", "--queues", "scans", "--concurrency", "2", "--without-gossip", "--without-mingle", "--without-heartbeat"]

FROM training-packages AS trainer
COPY . .
RUN python -m pip install --no-cache-dir --no-index --no-deps --no-build-isolation --editable .
USER 10001
CMD ["celery", "-A", "worker.main", "worker", "--queues", "training", "--concurrency", "1", "--without-gossip", "--without-mingle", "--without-heartbeat"]
