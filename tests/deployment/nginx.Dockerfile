# nginx where no registry is reached: Debian's, laid out as the official image is.
ARG BASE=debian:bookworm-slim
FROM ${BASE}
RUN apt-get update -q \
    && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends nginx libnginx-mod-stream \
    && apt-get clean \
    && rm -rf /var/lib/apt/lists/*
# A graceful end: connections finish.
STOPSIGNAL SIGQUIT
CMD ["nginx", "-g", "daemon off;"]
