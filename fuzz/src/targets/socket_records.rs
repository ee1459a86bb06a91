//! What the programs in the kernel say of sockets.

use probe::{Batch, Sockets};

use crate::input::Datagrams;

/// Takes records of the ring as they come, and follows the connections that they tell of.
pub fn socket_records(input: &[u8]) {
    let mut sockets = Sockets::default();
    for (flags, record) in Datagrams::new(input) {
        let mut record = record.to_vec();
        if flags & WHOLE_PROCESS != 0 {
            record.resize(record.len().max(PROCESS_LEN), 0);
        }
        let mut batch = Batch::default();
        sockets.take(&record, &mut batch);
        for (number, packet) in batch.packets() {
            assert_eq!(packet.bytes.first_chunk(), Some(&number.to_be_bytes()));
            std::hint::black_box(packet.bytes.iter().fold(0_u8, |sum, byte| sum ^ byte));
            if flags & DISMISSED != 0 {
                sockets.dismiss(number);
            }
        }
    }
}

/// The record is filled up to the length of one of a process, which few inputs would reach.
const WHOLE_PROCESS: u8 = 1;
/// No more is wanted of the connection.
const DISMISSED: u8 = 2;

/// Length of `struct process_record`.
const PROCESS_LEN: usize = 8292;
