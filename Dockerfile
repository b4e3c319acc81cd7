# docker build -t ingest --build-arg VERSION=0.1.0 --build-arg COMMIT=$(git rev-parse HEAD) .
FROM --platform=$BUILDPLATFORM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG TARGETOS TARGETARCH
ARG VERSION= COMMIT= DATE=
RUN CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH go build -trimpath -buildvcs=false \
      -ldflags "-s -w -X main.Version=$VERSION -X main.Commit=$COMMIT -X main.DateBuilt=$DATE" \
      -o /out/ingest ./cmd/ingest \
    && mkdir -p /out/var/lib/ingest

FROM gcr.io/distroless/static-debian12:nonroot
ARG VERSION= COMMIT= DATE=
LABEL org.opencontainers.image.title="ingest" \
      org.opencontainers.image.description="Moves objects through a durable queue into object storage" \
      org.opencontainers.image.source="https://github.com/ingest-bundle/ingest" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$COMMIT" \
      org.opencontainers.image.created="$DATE"
COPY --from=build /out/ingest /usr/bin/ingest
# The embedded queue's default folder is beneath this one. Mount a volume here to keep it.
COPY --from=build --chown=nonroot:nonroot /out/var/lib/ingest /var/lib/ingest
WORKDIR /var/lib/ingest
USER nonroot:nonroot
EXPOSE 4195
# There is no HEALTHCHECK: the image has no shell and no curl. Let the platform ask for
# /ping (alive) and /ready (connected) on port 4195, for which a configuration must set
# http.address to 0.0.0.0:4195.
ENTRYPOINT [ "/usr/bin/ingest" ]
CMD [ "run", "/etc/ingest/ingest.yaml" ]
