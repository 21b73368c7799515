# Two images from one file: --target bot, --target sidecar. No shell, no package manager, user 65532.
# No "# syntax=" line on purpose: the built-in frontend suffices, and pulling one would need a registry.
# Before the first push pin both bases by digest (docker buildx imagetools inspect); Dependabot keeps them fresh then, and
# scripts/images/engine.ts names the same references.
FROM node:26-trixie AS node

FROM --platform=$BUILDPLATFORM node:26-trixie AS build
WORKDIR /src
COPY package.json package-lock.json .npmrc ./
COPY otel/package.json otel/
COPY bot/package.json bot/
COPY sidecar/package.json sidecar/
RUN --mount=type=cache,target=/npm-cache npm ci --cache=/npm-cache --no-audit --no-fund
COPY --from=node /usr/local/bin/node /usr/lib/*-linux-gnu/libatomic.so.1 /runtime/
# binutils know one architecture, so each is built on a machine of its kind, as .github/workflows/image.yml does.
RUN strip /runtime/node && mkdir -p -m 0700 /empty/data
COPY . .
# Another grammY bot becomes an image like ours with --build-arg BOT_ENTRY=path/to/bot.ts.
ARG BOT_ENTRY=bot/main.ts
RUN node scripts/bundle.mjs

FROM gcr.io/distroless/cc-debian13:nonroot AS base
COPY --from=build /runtime/node /nodejs/bin/
COPY --from=build /runtime/libatomic.so.1 /usr/lib/
# An empty named volume takes owner and mode from here: 65532, 0700.
COPY --from=build --chown=65532:65532 /empty/ /
WORKDIR /app
# Less memory at no cost in CPU that could be measured: one arena of malloc in place of eight a core, what is free given
# back; and the little WebAssembly there is (undici's parser) without the optimizing compiler.
ENV NODE_ENV=production DATA_DIR=/data MALLOC_ARENA_MAX=1 MALLOC_TRIM_THRESHOLD_=131072
USER 65532:65532
ENTRYPOINT ["/nodejs/bin/node", "--dns-result-order=ipv4first", "--liftoff-only"]
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s --start-interval=1s CMD ["/nodejs/bin/node", "/app/health.mjs"]

FROM base AS bot
ARG VERSION=0.0.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="gramwatch bot" org.opencontainers.image.licenses=MIT \
      org.opencontainers.image.version=$VERSION org.opencontainers.image.revision=$REVISION
ENV GRAMWATCH_PART=bot BOT_HTTP_HOST=0.0.0.0
EXPOSE 8080
COPY --from=build /src/dist/bot/ ./
# About half of the container's 192 MiB, so that V8 collects before the kernel kills.
CMD ["--max-old-space-size=96", "/app/main.mjs"]

FROM base AS sidecar
ARG VERSION=0.0.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="gramwatch sidecar" org.opencontainers.image.licenses=MIT \
      org.opencontainers.image.version=$VERSION org.opencontainers.image.revision=$REVISION
ENV GRAMWATCH_PART=sidecar OTLP_HOST=0.0.0.0 CONSOLE_HOST=0.0.0.0
EXPOSE 4318 8090
COPY --from=build /src/dist/sidecar/ ./
CMD ["--max-old-space-size=96", "/app/main.mjs"]
