//! Many agents at one sensor.

use std::thread;

use forge::Side;

use crate::place::{Sensor, finish, limits, sender};
use crate::rawagent::RawAgent;
use crate::records::{closed, data, noise, opened_between};

#[test]
fn a_hundred_agents_tell_all_they_have() {
    let limits = tunnel::ReceiverLimits { sessions_of_agent: 100, ..limits() };
    let sensor = Sensor::with(limits);
    // One that says nothing any more, and one that sends half of a frame.
    let mut idle = [1, 2].map(|session| {
        let mut agent = RawAgent::connect(sensor.receiver.address().port());
        agent.hello(session, 0);
        agent
    });
    idle[1].send(&[0, 0, 1, 0, 2]);
    thread::scope(|scope| {
        for number in 0..100_u8 {
            let sensor = &sensor;
            scope.spawn(move || {
                let agent = sender(if number % 2 == 0 { "a" } else { "b" }, sensor.settings());
                for connection in 0..4 {
                    let client = ([10, 0, number, connection], 5000).into();
                    let connection = u64::from(connection);
                    agent.hand_in(&opened_between(connection, client, Side::Client));
                    let text = noise(u64::from(number), 50_000);
                    agent.hand_in(&data(connection, Side::Server, 0, &text));
                    agent.hand_in(&closed(connection));
                }
                assert_eq!(finish(agent).dropped_bytes, 0);
            });
        }
    });
    let seen = sensor.seen();
    assert_eq!(seen.connections.len(), 400);
    for connection in seen.connections.values() {
        let std::net::IpAddr::V4(client) = connection.opened.client.ip() else { panic!() };
        let [_, _, number, _] = client.octets();
        assert!(connection.bytes[1] == noise(number.into(), 50_000));
    }
}
