//! Fragment reassembly, TCP reassembly and the flow table.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| tlsight_fuzz::flow_engine(input));
