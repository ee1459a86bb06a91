//! Agents and a sensor on the loopback interface, with TLS.

#[cfg(test)]
mod certificates;
#[cfg(test)]
mod cuts;
#[cfg(test)]
mod exchange;
#[cfg(test)]
mod format;
#[cfg(test)]
mod many;
#[cfg(test)]
mod overload;
#[cfg(test)]
mod place;
#[cfg(test)]
mod proxy;
#[cfg(test)]
mod rawagent;
#[cfg(test)]
mod records;
#[cfg(test)]
mod refusals;
#[cfg(test)]
mod twins;
