/** Metrics that the engines have about themselves, as Prometheus scrapes them (`prometheus.yaml`). */
export const engine = {
  acceptedSpans: "otelcol_receiver_accepted_spans_total",
  acceptedPoints: "otelcol_receiver_accepted_metric_points_total",
  acceptedRecords: "otelcol_receiver_accepted_log_records_total",
  refusedSpans: "otelcol_receiver_refused_spans_total",
  refusedPoints: "otelcol_receiver_refused_metric_points_total",
  refusedRecords: "otelcol_receiver_refused_log_records_total",
  failedSpans: "otelcol_exporter_send_failed_spans_total",
  failedPoints: "otelcol_exporter_send_failed_metric_points_total",
  failedRecords: "otelcol_exporter_send_failed_log_records_total",
  unqueuedSpans: "otelcol_exporter_enqueue_failed_spans_total",
  unqueuedPoints: "otelcol_exporter_enqueue_failed_metric_points_total",
  unqueuedRecords: "otelcol_exporter_enqueue_failed_log_records_total",
  queueSize: "otelcol_exporter_queue_size",
  queueCapacity: "otelcol_exporter_queue_capacity",
  collectorMemory: "otelcol_process_memory_rss_bytes",
  residentMemory: "process_resident_memory_bytes",
  memoryLimit: "go_gc_gomemlimit_bytes",
  goMemory: "go_memstats_sys_bytes",
  goReturned: "go_memstats_heap_released_bytes",
  series: "prometheus_tsdb_head_series",
  lokiLines: "loki_distributor_lines_received_total",
  tempoSpans: "tempo_distributor_spans_received_total",
  tempoDiscarded: "tempo_discarded_spans_total",
} as const;

/** Metrics that the OpenTelemetry SDK has about itself. */
export const sdk = {
  processedSpans: "otel_sdk_processor_span_processed_total",
  processedLogs: "otel_sdk_processor_log_processed_total",
  exportedSpans: "otel_sdk_exporter_span_exported_total",
  exportedLogs: "otel_sdk_exporter_log_exported_total",
  exportedPoints: "otel_sdk_exporter_metric_data_point_exported_total",
} as const;
