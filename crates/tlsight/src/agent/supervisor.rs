//! What is done beside the capture: lines of losses and edges, other settings, messages.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use event::{EdgeEvent, LossEvent, Losses, ToJson};

use super::live::Choices;
use super::monitor::{Dropped, Monitor, QUEUE_BYTES};
use super::server_settings::ServerSettings;
use super::settings::{AgentSettings, Interval};
use super::uplink::Pushed;
use super::{Agent, LONGEST_WAIT};
use crate::config::Config;
use crate::kubernetes::WatchTrouble;
use crate::message;
use crate::watch::{TELL_EVERY, since, wall_clock};

/// Does these things when they are due.
pub(super) struct Supervisor<'a> {
    agent: &'a Agent<'a>,
    settings: AgentSettings,
    told: Losses,
    told_at: Instant,
    grouped_at: Instant,
    /// Lines that the full queue had cost when that was last said, and before it began.
    slow: Option<u64>,
    dropped: u64,
    trouble: WatchTrouble,
    /// What the server has it do differently.
    pushed: Pushed,
}

impl<'a> Supervisor<'a> {
    /// Nothing is due yet.
    pub(super) fn new(agent: &'a Agent<'a>, settings: AgentSettings) -> Self {
        let now = Instant::now();
        let told = Losses::new();
        let trouble = WatchTrouble::default();
        let (slow, dropped) = (None, 0);
        Self {
            agent,
            settings,
            told,
            told_at: now,
            grouped_at: now,
            slow,
            dropped,
            trouble,
            pushed: Pushed::default(),
        }
    }

    /// Works until the run ends.
    pub(super) fn run(&mut self) {
        while !self.agent.setup.run.is_stopped() {
            thread::sleep(LONGEST_WAIT);
            if self.agent.reload.swap(false, Ordering::Relaxed) {
                self.reload();
            }
            if let Some(pushed) = self.monitor().take_pushed() {
                self.take_pushed(pushed);
            }
            if self.told_at.elapsed() >= TELL_EVERY {
                self.tell_losses();
            }
            if let Some(interval) = self.interval()
                && self.grouped_at.elapsed() >= interval.duration()
            {
                self.tell_edges(interval);
            }
            self.tell_slow_output();
            if let Some(meter) = self.agent.monitor.meter() {
                self.trouble.look(|| meter.kubernetes());
            }
        }
    }

    /// Tells what is left; the workers are done.
    pub(super) fn finish(&mut self) {
        if let Some(interval) = self.interval() {
            self.tell_edges(interval);
        }
        self.tell_losses();
    }

    /// Of the lines of edges: what the server says, or else the settings.
    fn interval(&self) -> Option<Interval> {
        self.settings.group.map(|own| self.pushed.group.unwrap_or(own))
    }

    /// Does as the server says from now on.
    fn take_pushed(&mut self, pushed: Pushed) {
        let before = self.interval();
        self.pushed = pushed;
        if let Some(interval) = before
            && before != self.interval()
        {
            self.tell_edges(interval);
        }
        self.set_sample();
        message::error("settings of the server are in force");
    }

    fn set_sample(&self) {
        let own = self.settings.server.as_ref().map_or(0, |server| server.sample);
        if let Some(singles) = self.monitor().singles() {
            singles.set_sample(self.pushed.server.sample.unwrap_or(own));
        }
    }

    /// Reads the settings anew. If they make no sense, those of before stay.
    fn reload(&mut self) {
        let config = match (self.agent.resolve)() {
            Ok(config) => config,
            Err(error) => {
                self.monitor().meters.reload(false);
                return message::error(&format!("the settings stay as they were: {error:#}"));
            }
        };
        self.tell_what_needs_a_restart(&config);
        let before = self.interval();
        let Config { settings, command_lines, agent, .. } = config;
        self.agent.live.change(Choices { settings, command_lines });
        if let Some(interval) = before
            && agent.group != self.settings.group
        {
            self.tell_edges(interval);
        }
        self.monitor().set_grouping(agent.group.is_some());
        self.monitor().change_output(agent.output.clone());
        self.settings = AgentSettings { metrics: self.settings.metrics, ..agent };
        self.set_sample();
        self.monitor().meters.reload(true);
        message::error("the settings were read anew");
    }

    fn tell_what_needs_a_restart(&self, config: &Config) {
        let running = &self.agent.config;
        for (name, differs) in [
            ("memory", config.settings.memory_bytes != running.settings.memory_bytes),
            ("workers", config.workers != running.workers),
            ("kubernetes", config.kubernetes != running.kubernetes),
            ("agent.metrics", config.agent.metrics != running.agent.metrics),
            ("sinks", config.sinks != running.sinks),
            ("agent.server", differs(&config.agent.server, &running.agent.server)),
        ] {
            if differs {
                message::error(&format!("{name} stays as it was: that needs a restart"));
            }
        }
    }

    /// Writes a line of losses, if there are new ones and the output takes it.
    fn tell_losses(&mut self) {
        self.told_at = Instant::now();
        if !self.monitor().output_works() {
            return;
        }
        let all = self.monitor().sum().losses;
        let untold = since(&all, &self.told);
        if untold.is_empty() {
            return;
        }
        let mut line = Vec::new();
        LossEvent::new(wall_clock(), untold).write_json(&mut line);
        line.push(b'\n');
        if self.monitor().enqueue(&line) {
            self.monitor().put_into_sinks(&line);
            self.told = all;
        }
    }

    /// Writes a line for each edge of the interval that ends with this.
    fn tell_edges(&mut self, interval: Interval) {
        self.grouped_at = Instant::now();
        let deadline = Instant::now() + EDGES_PATIENCE;
        let now = wall_clock();
        let edges = self.monitor().edges().take();
        let mut lines = Vec::new();
        for (edge, counts) in edges {
            EdgeEvent::new(now, interval.seconds(), edge, &counts).write_json(&mut lines);
            lines.push(b'\n');
            if lines.len() >= CHUNK_LEN {
                put(self.monitor(), &mut lines, deadline);
            }
        }
        put(self.monitor(), &mut lines, deadline);
    }

    /// Says once that the output is too slow, and once that it is no longer.
    fn tell_slow_output(&mut self) {
        let dropped = self.monitor().lines_dropped(Dropped::QueueFull);
        let is_empty = self.monitor().queue.room() == QUEUE_BYTES;
        match self.slow {
            None if dropped > self.dropped => {
                self.slow = Some(self.dropped);
                message::error(
                    "the output is too slow: lines are dropped and counted until it has caught up",
                );
            }
            Some(before) if is_empty && dropped == self.dropped => {
                self.slow = None;
                let lines = dropped.saturating_sub(before);
                message::error(&format!("the output has caught up; {lines} lines were dropped"));
            }
            _ => {}
        }
        self.dropped = dropped;
    }

    fn monitor(&self) -> &'a Arc<Monitor> {
        &self.agent.monitor
    }
}

/// Whether something else than the sample is to be different.
fn differs(new: &Option<ServerSettings>, old: &Option<ServerSettings>) -> bool {
    match (new, old) {
        (Some(new), Some(old)) => ServerSettings { sample: old.sample, ..new.clone() } != *old,
        (new, old) => new.is_some() != old.is_some(),
    }
}

/// Puts lines into the queue, waiting for room until the deadline; nothing but this thread waits.
fn put(monitor: &Monitor, lines: &mut Vec<u8>, deadline: Instant) {
    let has_room = || monitor.queue.room() >= CHUNK_LEN * 2;
    while !lines.is_empty() && !has_room() && Instant::now() < deadline {
        thread::sleep(Duration::from_millis(5));
    }
    if !lines.is_empty() {
        monitor.put(lines);
    }
    lines.clear();
}

const CHUNK_LEN: usize = 256 << 10;

/// For the lines of one interval altogether.
const EDGES_PATIENCE: Duration = Duration::from_secs(5);
