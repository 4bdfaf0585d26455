# make image builds the program first: docs/container.md.
FROM scratch
ARG TARGETARCH
ARG VERSION
ARG REVISION
LABEL org.opencontainers.image.title="fleetwright" \
      org.opencontainers.image.description="Compiles Kurator's Applications and Fleets into what Flux runs on every cluster" \
      org.opencontainers.image.source="https://github.com/fleetwright/fleetwright" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION"
COPY LICENSE bin/linux/$TARGETARCH/fleetwright /
# Nobody, as a number, since there is no /etc/passwd: who writes says whose files they are.
USER 65532:65532
WORKDIR /work
ENTRYPOINT ["/fleetwright"]
