import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { globSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { parseAllDocuments } from "yaml";
import { settings as botSettings } from "../bot/config.ts";
import manifest from "../package.json" with { type: "json" };
import { SIDECAR_SETTINGS } from "../sidecar/settings.ts";

// As deep as these tests look into them; tsc checks all of it against the types of the Kubernetes API.
interface Probe {
  httpGet?: { path: string };
  periodSeconds?: number;
  failureThreshold?: number;
  timeoutSeconds?: number;
}
interface Container {
  name: string;
  image: string;
  env?: { name: string; value?: string }[];
  startupProbe: Probe;
  livenessProbe: Probe;
  readinessProbe: Probe;
  resources: Record<"requests" | "limits", { cpu: string; memory: string }>;
  securityContext: Record<string, unknown>;
  volumeMounts: { mountPath: string; subPath?: string; readOnly?: boolean }[];
}
interface PodSpec {
  containers: Container[];
  securityContext: Record<string, unknown>;
  [key: string]: unknown;
}
interface Resource {
  kind: string;
  metadata: { name: string; namespace?: string };
  data?: Record<string, string>;
  spec: { replicas?: number; template?: { spec: PodSpec }; [key: string]: unknown };
}

const root = join(import.meta.dirname, "..");
const overlays = ["base", "overlays/single-node", "overlays/whisper"];
const KUBECTL = "kubectl";
const skip = spawnSync(KUBECTL, ["version", "--client"]).status === 0 ? false : "kubectl is not installed";

function build(folder: string): Resource[] {
  const yaml = execFileSync(KUBECTL, ["kustomize", join(root, "k8s", folder)], { encoding: "utf8" });
  return parseAllDocuments(yaml).map((document) => document.toJS() as Resource);
}
const pods = (resources: Resource[]): [string, PodSpec][] =>
  resources.flatMap(({ metadata, spec }): [string, PodSpec][] =>
    spec?.template === undefined ? [] : [[metadata.name, spec.template.spec]],
  );

test("every manifest is part of an overlay that builds", { skip }, () => {
  const built = overlays.flatMap(build).map(({ kind, metadata }) => `${kind} ${metadata.name}`);
  for (const file of globSync("k8s/**/*.yaml", { cwd: root })) {
    if (/kustomization\.yaml$|secret\.example\.yaml$/.test(file)) continue;
    for (const document of parseAllDocuments(readFileSync(join(root, file), "utf8"))) {
      const { kind, metadata } = document.toJS() as Resource;
      assert.ok(built.includes(`${kind} ${metadata.name}`), `${file}: ${kind} ${metadata.name}`);
    }
  }
});

/** Where the API's types of a manifest are: `apps/v1` and so on, each with an interface of the kind's name. */
const typeOf = ({ apiVersion, kind }: { apiVersion: string; kind: string }): string => {
  const [group = "", version] = apiVersion.includes("/") ? apiVersion.split("/") : ["core", apiVersion];
  return `import("kubernetes-types/${group.split(".", 1)[0]}/${version}").${kind}`;
};

test(
  "every manifest is what the types of the Kubernetes API say, without a field that they do not know",
  { skip },
  (t) => {
    const dir = mkdtempSync(join(tmpdir(), "gramwatch-k8s-"));
    t.after(() => rmSync(dir, { recursive: true }));
    symlinkSync(join(root, "node_modules"), join(dir, "node_modules"));
    const check = (manifests: object[]): string => {
      const lines = manifests.map(
        (manifest) => `(${JSON.stringify(manifest)}) satisfies ${typeOf(manifest as never)};`,
      );
      writeFileSync(join(dir, "manifests.ts"), `export {};\n${lines.join("\n")}\n`);
      const options = "--noEmit --strict --skipLibCheck --module nodenext --types node manifests.ts".split(" ");
      return spawnSync(join(root, "node_modules", ".bin", "tsc"), options, { cwd: dir, encoding: "utf8" }).stdout;
    };
    const built = overlays.flatMap(build);
    assert.equal(check(built), "");
    const misspelt = structuredClone(built.find(({ kind }) => kind === "StatefulSet")) as Resource;
    Object.assign(misspelt.spec.template?.spec ?? {}, { terminationGracePeriodSecond: 30 });
    assert.match(check([misspelt]), /"terminationGracePeriodSecond"' does not exist in type 'PodSpec'/);
  },
);

for (const folder of overlays) {
  test(`${folder}: one replica, locked down, within limits, no secret in sight`, { skip }, () => {
    const resources = build(folder);
    assert.equal(resources.filter(({ kind }) => kind === "StatefulSet").length, 1);
    for (const { kind, spec } of resources) {
      assert.notEqual(kind, "Secret");
      assert.notEqual(kind, "HorizontalPodAutoscaler");
      if (spec?.replicas !== undefined) assert.equal(spec.replicas, 1, "one poller per token");
    }
    for (const [name, pod] of pods(resources)) {
      assert.equal(pod["automountServiceAccountToken"], false, name);
      const { runAsNonRoot, runAsUser, runAsGroup, fsGroup, seccompProfile } = pod.securityContext;
      assert.equal(runAsNonRoot, true);
      assert.deepEqual([runAsGroup, fsGroup], [runAsUser, runAsUser], "volume and secrets belong to the user");
      assert.deepEqual(seccompProfile, { type: "RuntimeDefault" });
      for (const container of pod.containers) {
        assert.equal(container.securityContext["allowPrivilegeEscalation"], false);
        assert.deepEqual(container.securityContext["capabilities"], { drop: ["ALL"] });
        assert.ok(container.resources.limits.memory && container.resources.requests.cpu, container.name);
        assert.match(container.image, /:[\w.-]*\d/, "a version, never latest");
        for (const { name: variable, value } of container.env ?? [])
          if (/TOKEN|SECRET|PASSWORD/.test(variable)) assert.match(value ?? "", /^\/run\/secrets\//, variable);
      }
    }
  });
}

test("bot and sidecar: /livez alone may restart them, and a slow start has two minutes", { skip }, () => {
  const [[, pod]] = pods(build("base")) as [[string, PodSpec]];
  assert.deepEqual(
    pod.containers.map(({ name }) => name),
    ["bot", "sidecar"],
  );
  for (const { name, startupProbe, livenessProbe, readinessProbe, securityContext } of pod.containers) {
    // Anything else would let an outage of Telegram restart the pod and destroy the evidence.
    assert.equal(livenessProbe.httpGet?.path, "/livez", name);
    assert.equal(startupProbe.httpGet?.path, "/livez", name);
    assert.equal(readinessProbe.httpGet?.path, "/readyz", name);
    assert.equal((startupProbe.periodSeconds ?? 10) * (startupProbe.failureThreshold ?? 3), 120);
    assert.ok((livenessProbe.failureThreshold ?? 3) * (livenessProbe.periodSeconds ?? 10) >= 60);
    assert.equal(securityContext["readOnlyRootFilesystem"], true);
  }
  const [bot, sidecar] = pod.containers;
  assert.equal(pod.securityContext["runAsUser"], 65532, "the images' user");
  assert.equal(pod["terminationGracePeriodSeconds"], 30, "more than SHUTDOWN_TIMEOUT");
  assert.ok(bot?.volumeMounts.some(({ mountPath, subPath }) => mountPath === "/data" && subPath === "bot"));
  const watched = sidecar?.volumeMounts.find(({ mountPath }) => mountPath === "/bot-data");
  assert.deepEqual([watched?.subPath, watched?.readOnly], ["bot", true]);
});

test("the console is reached while the bot is not ready, and nothing else from outside the pod", { skip }, () => {
  const resources = build("base");
  const service = resources.find(({ kind }) => kind === "Service");
  assert.equal(service?.spec["publishNotReadyAddresses"], true);
  const policy = resources.find(({ kind }) => kind === "NetworkPolicy");
  assert.deepEqual(policy?.spec["ingress"], [{ ports: [{ port: 8090 }] }]);
});

test("the configuration map names only settings that exist, and the images are of this version", { skip }, () => {
  const known = new Set([...Object.keys(botSettings), ...Object.keys(SIDECAR_SETTINGS)]);
  for (const folder of overlays) {
    const resources = build(folder);
    const map = resources.find(({ kind, metadata }) => kind === "ConfigMap" && metadata.name === "gramwatch");
    assert.deepEqual(
      Object.keys(map?.data ?? {}).filter((key) => !known.has(key)),
      [],
    );
    for (const [, pod] of pods(resources))
      for (const { image } of pod.containers)
        if (image.startsWith("gramwatch/")) assert.equal(image.split(":")[1], manifest.version);
  }
});
