# Gatepost's image, for BuildKit and for the classic builder:
#
#   docker build -t gatepost .
#
# compiles it. With `--build-arg PREBUILT=yes --build-arg RUST_IMAGE=<any Linux>` it takes target/release/gatepost as it
# is, made by `cargo build --release` on a machine whose glibc is no newer than the base's.
#
# The image's own stage runs no command, so its base needs no shell, only glibc and libgcc.
ARG RUST_IMAGE=rust:1.95-bookworm
ARG RUNTIME_IMAGE=gcr.io/distroless/cc-debian12

FROM ${RUST_IMAGE} AS compiler
ARG PREBUILT=no
WORKDIR /source
COPY . .
RUN if [ "$PREBUILT" = no ]; then cargo build --release --locked --package gatepost-server; fi \
    && install -D target/release/gatepost /out/gatepost

FROM ${RUNTIME_IMAGE}
# A number, so that Kubernetes can see that it is not root.
USER 65532:65532
# The first file in a folder that is not there yet makes the folder, with the same owner; a new volume takes both.
COPY --chown=65532:65532 deploy/image/data/ /var/lib/gatepost/
WORKDIR /var/lib/gatepost
VOLUME /var/lib/gatepost
# A container's loopback reaches nobody, so all interfaces. That does not open the door: requests are signed, and with
# authentication off the server refuses to start like this unless GATEPOST_AUTH_OFF_ANYWHERE is set.
# SQLite, the default, makes its database in the working folder. Spools of imports go there too: /tmp may be memory.
ENV GATEPOST_CONTROL_LISTEN=0.0.0.0:8080 \
    GATEPOST_DATA_LISTEN=0.0.0.0:8081 \
    GATEPOST_ADMIN_LISTEN=0.0.0.0:8082 \
    TMPDIR=/var/lib/gatepost
EXPOSE 8080 8081 8082
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=4s --start-period=60s --retries=3 CMD ["/usr/local/bin/gatepost", "healthcheck"]
ENTRYPOINT ["/usr/local/bin/gatepost"]
CMD ["serve"]
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Gatepost" \
      org.opencontainers.image.description="API keys, wire-compatible with the API-key part of Amazon API Gateway" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=compiler /out/gatepost /usr/local/bin/gatepost
