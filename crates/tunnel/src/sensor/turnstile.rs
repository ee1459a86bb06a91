//! A lock that lets those who wait in by turns, so that none of them waits for ever.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, Thread};

/// Something that one thread uses at a time, in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Turnstile<T> {
    line: Mutex<Line>,
    value: Mutex<T>,
}

#[derive(Debug, Default)]
struct Line {
    is_taken: bool,
    waiting: VecDeque<(Thread, Arc<AtomicBool>)>,
}

impl<T> Turnstile<T> {
    pub(super) fn new(value: T) -> Self {
        Self { line: Mutex::default(), value: Mutex::new(value) }
    }

    /// Waits for its turn, and uses the value.
    pub(super) fn pass<R>(&self, use_it: impl FnOnce(&mut T) -> R) -> R {
        self.wait();
        let _next = Next(&self.line);
        use_it(&mut self.value.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn wait(&self) {
        let is_next = Arc::new(AtomicBool::new(false));
        {
            let mut line = lock(&self.line);
            if !line.is_taken {
                line.is_taken = true;
                return;
            }
            line.waiting.push_back((thread::current(), Arc::clone(&is_next)));
        }
        while !is_next.load(Ordering::Acquire) {
            thread::park();
        }
    }
}

/// Lets the next one in when it is dropped, also by a panic.
struct Next<'a>(&'a Mutex<Line>);

impl Drop for Next<'_> {
    fn drop(&mut self) {
        let mut line = lock(self.0);
        match line.waiting.pop_front() {
            Some((thread, is_next)) => {
                is_next.store(true, Ordering::Release);
                thread.unpark();
            }
            None => line.is_taken = false,
        }
    }
}

fn lock(line: &Mutex<Line>) -> MutexGuard<'_, Line> {
    line.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_passes_one_at_a_time() {
        let turnstile = Turnstile::new((0_u32, false));
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..1000 {
                        turnstile.pass(|(count, is_inside)| {
                            assert!(!std::mem::replace(is_inside, true));
                            *count += 1;
                            *is_inside = false;
                        });
                    }
                });
            }
        });
        assert_eq!(turnstile.pass(|(count, _)| *count), 8000);
    }

    #[test]
    fn who_comes_first_passes_first() {
        let turnstile = Turnstile::new(Vec::new());
        thread::scope(|scope| {
            turnstile.pass(|_| {
                for number in 0..5 {
                    let turnstile = &turnstile;
                    scope.spawn(move || turnstile.pass(|passed| passed.push(number)));
                    while lock(&turnstile.line).waiting.len() <= number {
                        thread::yield_now();
                    }
                }
            });
        });
        assert_eq!(turnstile.pass(std::mem::take), [0, 1, 2, 3, 4]);
    }
}
