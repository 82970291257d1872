# One image for every service: `docker compose build`. It runs as its own user, and nothing in it is
# the user's to change; what is kept is in volumes.
FROM python:3.11.15-slim-trixie AS environment
COPY requirements.lock .
RUN python -m venv /opt/databourse \
 && /opt/databourse/bin/pip install --quiet --no-cache-dir --require-hashes -r requirements.lock

FROM python:3.11.15-slim-trixie
ENV PATH=/opt/databourse/bin:$PATH \
    PYTHONPATH=/srv/databourse \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOME=/tmp \
    DATABOURSE_DATA=/var/lib/databourse
RUN useradd --system --uid 10001 --user-group --no-create-home databourse \
 && install --directory --owner=databourse --group=databourse --mode=0700 /var/lib/databourse
COPY --from=environment /opt/databourse /opt/databourse
WORKDIR /srv/databourse
COPY LICENSE requirements.lock ./
COPY docs/reference docs/reference
COPY schemas schemas
COPY market market
COPY streams streams
COPY simulation simulation
COPY services services
COPY web web
USER 10001:10001
ENTRYPOINT ["python", "-m", "services.cli"]
CMD ["--help"]
