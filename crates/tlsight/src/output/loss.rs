//! Causes of loss in plain words.

use super::sanitize::clean;

/// What a cause of loss, named as in the events, means to the reader of a summary.
pub(crate) fn in_words(cause: &str) -> String {
    let known = WORDS.iter().find(|(name, _)| *name == cause);
    known.map_or_else(|| clean(cause).replace('_', " "), |(_, words)| (*words).to_owned())
}

/// The cause with a name, if it is one of this program's.
pub(crate) fn known(cause: &str) -> Option<&'static str> {
    WORDS.iter().map(|(name, _)| *name).find(|name| *name == cause)
}

/// Capture files that could not be read to their end.
pub(crate) const FILES_DAMAGED: &str = "files_damaged";

/// Packets that the kernel dropped because this program did not take them in time.
pub(crate) const KERNEL_DROPS: &str = "kernel_drops";

/// Packets whose time cannot be told in nanoseconds.
pub(crate) const TIMESTAMPS_CLAMPED: &str = "timestamps_clamped";

/// Packets recorded without a time.
pub(crate) const PACKETS_UNTIMED: &str = "packets_untimed";

/// Packets of a link type that is not known.
pub(crate) const LINK_TYPE_UNKNOWN: &str = "link_type_unknown";

/// Packets whose record by the kernel made no sense.
pub(crate) const FRAMES_UNREADABLE: &str = "frames_unreadable";

/// Packets at sockets that the ring to this program had no room for.
pub(crate) const RING_FULL: &str = "ring_full";

/// Packets at sockets whose headers the kernel's side did not understand.
pub(crate) const PACKETS_UNREADABLE: &str = "packets_unreadable";

/// Records of the ring that made no sense.
pub(crate) const RECORDS_UNREADABLE: &str = "records_unreadable";

/// Packets of connections that others begin, beyond what is told of these in a second.
pub(crate) const BEGINNINGS_OVER_LIMIT: &str = "beginnings_over_limit";

/// Flows of datagrams that were not over when enough of them was copied.
pub(crate) const FLOWS_CUT_SHORT: &str = "flows_cut_short";

/// Connections of sockets given up because there were too many.
pub(crate) const CONNECTIONS_EVICTED: &str = "connections_evicted";

/// Sessions whose process could not be told.
pub(crate) const PROCESSES_UNKNOWN: &str = "processes_unknown";

/// Processes whose command line could not be read.
pub(crate) const COMMAND_LINES_UNKNOWN: &str = "command_lines_unknown";

/// Cgroups removed while they were watched.
pub(crate) const CGROUPS_REMOVED: &str = "cgroups_removed";

/// Sessions with an end in a pod that the API of Kubernetes has not told.
pub(crate) const PODS_UNKNOWN: &str = "pods_unknown";

/// Containers whose runtime's files could not be read or understood.
pub(crate) const CONTAINER_FILES_UNREADABLE: &str = "container_files_unreadable";

/// Lines that the output did not take.
pub(crate) const LINES_DROPPED: &str = "lines_dropped";

/// Sessions that are in no edge because there were too many edges in an interval.
pub(crate) const EDGES_OVER_LIMIT: &str = "edges_over_limit";

/// Sessions for a server whose lines came faster than the disk takes them.
pub(crate) const SPOOL_TOO_SLOW: &str = "sessions_spool_too_slow";

/// Sessions for a server that the disk did not take.
pub(crate) const SPOOL_FAILED: &str = "sessions_spool_failed";

/// Sessions that made room in the spool for others.
pub(crate) const SPOOL_EVICTED: &str = "sessions_spool_evicted";

/// Sessions in the spool that were damaged on the disk; batches, where nobody knows how many were in them.
pub(crate) const SPOOL_DAMAGED: &str = "sessions_spool_damaged";

/// Sessions in batches that the server never takes.
pub(crate) const SERVER_REFUSED: &str = "sessions_server_refused";

/// Lines that made no sense to the server.
pub(crate) const SERVER_REJECTED: &str = "lines_server_rejected";

/// Losses of causes that this program does not know, which the records tell.
pub(crate) const TOLD_BY_OTHERS: &str = "told_by_others";

/// Lines that are no records of tlsight.
pub(crate) const RECORDS_REFUSED: &str = "records_refused";

/// Findings, uses or certificates that there was no room for.
pub(crate) const ENTRIES_OVER_LIMIT: &str = "entries_over_limit";

const WORDS: [(&str, &str); 45] = [
    (TOLD_BY_OTHERS, "losses of other causes that the records tell"),
    (RECORDS_REFUSED, "lines that are no records"),
    (ENTRIES_OVER_LIMIT, "findings, edges or certificates that there was no room for"),
    (FILES_DAMAGED, "capture files not read to their end"),
    (KERNEL_DROPS, "packets dropped by the kernel, which this program did not take in time"),
    (LINK_TYPE_UNKNOWN, "packets of a link type that is not known"),
    ("headers_malformed", "packets whose headers contradict themselves or are cut off"),
    ("encapsulations_too_deep", "packets inside too many tunnels"),
    ("encapsulations_unreadable", "packets in tunnels that could not be read"),
    ("packets_truncated", "packets cut short by the capture (capture with -s 0)"),
    ("fragments_overlapping", "IP fragments that overlap others"),
    ("fragments_malformed", "IP fragments that cannot be part of a packet"),
    ("fragments_truncated", "IP fragments cut short by the capture"),
    ("fragments_timed_out", "IP fragments whose other parts did not come"),
    ("fragments_over_limit", "IP fragments dropped to stay within the limits"),
    ("flows_evicted", "flows dropped to stay within the memory limit (raise --memory)"),
    ("flows_unconsumed_over_limit", "flows given up, with too much data that made no sense"),
    ("gaps", "gaps in TCP streams, where packets are missing from the capture"),
    ("gap_bytes", "bytes missing in gaps of TCP streams"),
    ("overlaps_differing", "TCP segments with other bytes than those seen before at their place"),
    ("segments_out_of_window", "TCP segments outside of any window"),
    ("segments_after_fin", "TCP segments behind the end of their stream"),
    ("resets_out_of_window", "TCP resets that no receiver would take"),
    (TIMESTAMPS_CLAMPED, "packets whose time lies outside of the years that can be written"),
    (PACKETS_UNTIMED, "packets without a time"),
    (FRAMES_UNREADABLE, "packets whose record by the kernel made no sense"),
    (RING_FULL, "packets at sockets that the ring had no room for (this program is too slow)"),
    (PACKETS_UNREADABLE, "packets at sockets whose headers were not understood"),
    (RECORDS_UNREADABLE, "records of sockets that made no sense"),
    (
        BEGINNINGS_OVER_LIMIT,
        "first packets of connections, of which there were too many in a second",
    ),
    (FLOWS_CUT_SHORT, "flows of datagrams that were not over when enough of them was copied"),
    (CONNECTIONS_EVICTED, "connections of sockets given up because there were too many"),
    (PROCESSES_UNKNOWN, "sessions whose process could not be told"),
    (COMMAND_LINES_UNKNOWN, "processes whose command line could not be read"),
    (CGROUPS_REMOVED, "cgroups removed while they were watched"),
    (PODS_UNKNOWN, "sessions of pods that Kubernetes has not told"),
    (CONTAINER_FILES_UNREADABLE, "containers whose runtime's files could not be read"),
    (LINES_DROPPED, "lines that the output did not take"),
    (EDGES_OVER_LIMIT, "sessions in no edge because there were too many edges"),
    (SPOOL_TOO_SLOW, "sessions that the spool did not take in time"),
    (SPOOL_FAILED, "sessions that the spool's disk did not take"),
    (SPOOL_EVICTED, "sessions that left the spool before the server had them (raise --spool)"),
    (SPOOL_DAMAGED, "sessions in damaged files of the spool"),
    (SERVER_REFUSED, "sessions that the server refused"),
    (SERVER_REJECTED, "lines that made no sense to the server"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cause_reads_as_words() {
        assert!(in_words("headers_malformed").starts_with("packets whose headers"));
        assert_eq!(in_words("some_new_cause"), "some new cause");
    }
}
