# The image of the fleet: a worker by default, and every other command of `tagfleet` that needs no local EMR.

FROM python:3.12-slim AS build
WORKDIR /source
COPY . .
RUN python -m venv /opt/tagfleet \
    && /opt/tagfleet/bin/pip install --no-cache-dir --disable-pip-version-check '.[fleet]'

FROM python:3.12-slim
# Folders that are named as stores must be the user's own before a volume is laid over them: it takes the owner over.
RUN useradd --create-home --uid 10001 tagfleet \
    && install --directory --owner=tagfleet --group=tagfleet /var/lib/tagfleet
COPY --from=build /opt/tagfleet /opt/tagfleet
ENV PATH=/opt/tagfleet/bin:$PATH \
    PYTHONUNBUFFERED=1
USER tagfleet
WORKDIR /var/lib/tagfleet
EXPOSE 8080
EXPOSE 9191
CMD ["tagfleet", "worker"]
