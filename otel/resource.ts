import { hostname } from "node:os";
import type { Resource } from "@opentelemetry/resources";
import { defaultResource, resourceFromAttributes } from "@opentelemetry/resources";
import type { TelemetryConfig } from "./config.ts";

/** What is constant for the whole process: it belongs here and not on every span. */
export function createResource(
  service: { name: string; version: string; instanceId: string },
  extra: Readonly<Record<string, string>>,
  config: Pick<TelemetryConfig, "serviceName" | "resourceAttributes">,
  environment: string,
): Resource {
  const ours = {
    "service.name": service.name,
    "service.namespace": "gramwatch",
    "service.version": service.version,
    "deployment.environment.name": environment,
    "host.name": hostname(),
    "process.runtime.name": "nodejs",
    "process.runtime.version": process.versions.node,
    ...extra,
    ...config.resourceAttributes,
    ...(config.serviceName !== undefined && { "service.name": config.serviceName }),
    // Not the user's to set: `/health.instance` is the same, and the sidecar compares the two.
    "service.instance.id": service.instanceId,
  };
  return defaultResource().merge(resourceFromAttributes(ours));
}
