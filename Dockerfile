# The image of a tagfleet worker.
FROM python:3.12-slim

RUN useradd --create-home --uid 10001 tagfleet
COPY . /source
RUN pip install --no-cache-dir "/source[fleet]" && rm -r /source

USER tagfleet
WORKDIR /home/tagfleet
# Metrics; a worker needs no other port.
EXPOSE 9191
CMD ["tagfleet", "worker"]
