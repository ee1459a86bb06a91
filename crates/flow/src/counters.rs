//! What was seen and what was lost, in numbers.

use std::ops::AddAssign;

use event::Losses;

macro_rules! counters {
    (
        totals { $($(#[$total_doc:meta])* $total:ident,)* }
        losses { $($(#[$loss_doc:meta])* $loss:ident,)* }
    ) => {
        /// What an engine has seen and what it has lost. Counters of several engines can be added.
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct Counters {
            $($(#[$total_doc])* pub $total: u64,)*
            $($(#[$loss_doc])* pub $loss: u64,)*
        }

        impl Counters {
            /// What was lost, by cause; causes that did not occur are left out.
            #[must_use]
            pub fn losses(&self) -> Losses {
                let mut losses = Losses::new();
                $(if self.$loss > 0 { losses.insert(stringify!($loss), self.$loss); })*
                losses
            }
        }

        impl AddAssign<&Counters> for Counters {
            fn add_assign(&mut self, other: &Counters) {
                $(self.$total = self.$total.saturating_add(other.$total);)*
                $(self.$loss = self.$loss.saturating_add(other.$loss);)*
            }
        }
    };
}

counters! {
    totals {
        /// Packets taken.
        packets,
        /// Their bytes on the wire.
        bytes,
        /// Packets without IP in them, such as ARP and LLDP.
        packets_not_ip,
        /// IP packets without TCP or UDP in them.
        packets_not_tcp_or_udp,
        /// IP datagrams put together from fragments.
        datagrams_reassembled,
        /// Flows begun.
        flows_opened,
        /// Flows that began in mid-stream.
        flows_mid_stream,
        /// TCP segments all of whose bytes had been seen.
        retransmitted_segments,
        /// TCP segments that came ahead of others.
        out_of_order_segments,
    }
    losses {
        /// Packets of a link type that is not known.
        link_type_unknown,
        /// Packets whose headers contradict themselves or are cut off.
        headers_malformed,
        /// Packets with more encapsulations in each other than the limit.
        encapsulations_too_deep,
        /// Packets in a tunnel or under labels that cannot be followed.
        encapsulations_unreadable,
        /// Packets cut short by the capture.
        packets_truncated,
        /// Fragments that overlap others; the first copy of the bytes was used.
        fragments_overlapping,
        /// Fragments that cannot be part of a datagram.
        fragments_malformed,
        /// Fragments cut short by the capture, which leave their datagram incomplete.
        fragments_truncated,
        /// Fragments dropped because the rest of the datagram did not come in time.
        fragments_timed_out,
        /// Fragments dropped because of the limits on memory or on pieces of a datagram.
        fragments_over_limit,
        /// Flows dropped to stay within the limits on memory, of those that were not done.
        flows_evicted,
        /// Flows given up because the application did not consume what it was given.
        flows_unconsumed_over_limit,
        /// Gaps in streams.
        gaps,
        /// Bytes of streams known to be missing.
        gap_bytes,
        /// Segments with bytes other than those seen before at their place.
        overlaps_differing,
        /// Segments outside of any window that the receiver may have.
        segments_out_of_window,
        /// Segments behind the end of a stream.
        segments_after_fin,
        /// RSTs that the receiver would not accept.
        resets_out_of_window,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_have_no_zeros_and_no_totals() {
        let counters = Counters { packets: 7, gaps: 2, ..Counters::default() };
        assert_eq!(counters.losses(), Losses::from([("gaps", 2)]));
    }

    #[test]
    fn counters_of_several_engines_add_up() {
        let mut sum = Counters { packets: 1, gap_bytes: 2, ..Counters::default() };
        sum += &Counters { packets: 3, gap_bytes: u64::MAX, ..Counters::default() };
        assert_eq!((sum.packets, sum.gap_bytes), (4, u64::MAX));
    }
}
