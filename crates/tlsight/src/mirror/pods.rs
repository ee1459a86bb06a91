//! Rules on pods, and which pods of this node they allow.

use std::convert::Infallible;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::mpsc::{self, Receiver, SyncSender, TryRecvError};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use workload::{PodName, PodNames};

use super::pod_cgroups::PodCgroups;
use crate::filter::Glob;
use crate::kubernetes::{KubernetesSettings, WatchTrouble};

/// Namespaces and names of pods, with `*` and `?` in either.
#[derive(Clone, Debug)]
pub(crate) struct PodPattern {
    text: String,
    namespace: Glob,
    name: Glob,
}

/// Which pods are allowed and denied.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PodPatterns {
    pub(crate) allow: Vec<PodPattern>,
    pub(crate) deny: Vec<PodPattern>,
}

/// The pods of this node that are allowed, as they come and go.
pub(crate) struct PodScope {
    settings: KubernetesSettings,
    patterns: PodPatterns,
    /// All pods of this node whose names are known.
    pods: Vec<Pod>,
    news: Option<Receiver<Vec<Pod>>>,
    allowed: Vec<Pod>,
}

/// A pod of this node.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Pod {
    name: PodName,
    cgroups: Vec<PathBuf>,
}

impl PodPatterns {
    pub(crate) const fn is_empty(&self) -> bool {
        self.allow.is_empty() && self.deny.is_empty()
    }

    /// Whether a pod is allowed: if there are patterns of those that are, by one; and denied by none.
    fn allows(&self, pod: &PodName) -> bool {
        let is_in = |patterns: &[PodPattern]| patterns.iter().any(|it| it.matches(pod));
        (self.allow.is_empty() || is_in(&self.allow)) && !is_in(&self.deny)
    }
}

impl PodPattern {
    fn matches(&self, pod: &PodName) -> bool {
        self.namespace.matches(&*pod.namespace) && self.name.matches(&*pod.name)
    }
}

impl PartialEq for PodPattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for PodPattern {}

impl fmt::Display for PodPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for PodPattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once('/').filter(|(namespace, name)| {
            !namespace.is_empty() && !name.is_empty() && !name.contains('/')
        });
        let Some((namespace, name)) = parts else {
            return Err(format!("`{text}` is no NAMESPACE/NAME"));
        };
        let glob = |text: &str| text.parse().unwrap_or_else(|never: Infallible| match never {});
        Ok(Self { text: text.to_owned(), namespace: glob(namespace), name: glob(name) })
    }
}

impl PodScope {
    /// No rules yet. `settings` say how the API of Kubernetes is asked, once there are some.
    pub(crate) fn new(settings: KubernetesSettings) -> Self {
        let (patterns, pods, allowed) = (PodPatterns::default(), Vec::new(), Vec::new());
        Self { settings, patterns, pods, news: None, allowed }
    }

    /// What the kernel is to be told of these rules at this moment, if there are any. They take effect
    /// here with [`Self::set`].
    ///
    /// # Errors
    /// The API cannot be asked.
    pub(crate) fn rules(&mut self, patterns: &PodPatterns) -> Result<Option<probe::Pods>> {
        if patterns.is_empty() {
            return Ok(None);
        }
        if self.news.is_none() {
            self.news = Some(watch(&self.settings).context("rules on pods need Kubernetes")?);
        }
        let cgroups = cgroups_of(&self.allowed_by(patterns));
        Ok(Some(probe::Pods { others: patterns.allow.is_empty(), cgroups }))
    }

    /// Goes by these rules from now on.
    pub(crate) fn set(&mut self, patterns: PodPatterns) {
        self.patterns = patterns;
        self.allowed = self.allowed_by(&self.patterns);
    }

    /// The cgroups of the pods that are allowed, if these are other ones than at the last call.
    ///
    /// # Errors
    /// Nobody tells of pods any longer.
    pub(crate) fn changed(&mut self) -> Result<Option<Vec<PathBuf>>> {
        let Some(news) = &self.news else { return Ok(None) };
        let mut has_changed = false;
        loop {
            match news.try_recv() {
                Ok(pods) => {
                    self.pods = pods;
                    has_changed = true;
                }
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => {
                    self.news = None;
                    bail!("the search for pods has ended");
                }
            }
        }
        let allowed = self.allowed_by(&self.patterns);
        if !has_changed || allowed == self.allowed {
            return Ok(None);
        }
        self.allowed = allowed;
        Ok(Some(cgroups_of(&self.allowed)))
    }

    /// Namespaces and names of the pods that are allowed.
    pub(crate) fn allowed(&self) -> Vec<String> {
        self.allowed.iter().map(|pod| format!("{}/{}", pod.name.namespace, pod.name.name)).collect()
    }

    fn allowed_by(&self, patterns: &PodPatterns) -> Vec<Pod> {
        if patterns.is_empty() {
            return Vec::new();
        }
        self.pods.iter().filter(|pod| patterns.allows(&pod.name)).cloned().collect()
    }
}

fn cgroups_of(pods: &[Pod]) -> Vec<PathBuf> {
    pods.iter().flat_map(|pod| pod.cgroups.iter().cloned()).collect()
}

/// Has a thread look for the pods of this node; it ends when nobody wants to know any longer.
fn watch(settings: &KubernetesSettings) -> Result<Receiver<Vec<Pod>>> {
    let names = settings.pod_names()?;
    let cgroups = PodCgroups::below(probe::cgroup_root()?);
    let (sender, news) = mpsc::sync_channel(1);
    let thread = thread::Builder::new().name("pods".to_owned());
    thread.spawn(move || look(names, cgroups, &sender)).context("cannot start a thread")?;
    Ok(news)
}

fn look(mut names: PodNames, mut cgroups: PodCgroups, sender: &SyncSender<Vec<Pod>>) {
    let mut trouble = WatchTrouble::default();
    let mut told = Vec::new();
    loop {
        let found = cgroups.find().into_iter();
        let mut pods: Vec<Pod> = found
            .filter_map(|(uid, cgroups)| Some(Pod { name: names.get(&uid)?, cgroups }))
            .collect();
        pods.sort();
        if pods != told {
            told.clone_from(&pods);
            if sender.send(pods).is_err() {
                return;
            }
        }
        trouble.look(|| Some(names.status()));
        thread::sleep(LOOK_EVERY);
    }
}

/// A container takes longer to begin after its pod has its cgroup.
const LOOK_EVERY: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_of_a_namespace_and_a_name() {
        for text in ["", "web", "/web", "shop/", "a/b/c"] {
            assert!(text.parse::<PodPattern>().is_err(), "{text}");
        }
        let pattern: PodPattern = "shop-?/web-*".parse().unwrap();
        assert!(pattern.matches(&pod("shop-1", "web-5d8-x")));
        assert!(
            !pattern.matches(&pod("shop-1", "db-0")) && !pattern.matches(&pod("shop", "web-1"))
        );
    }

    #[test]
    fn a_pod_is_allowed_by_a_pattern_unless_another_denies_it() {
        let allows = |allow: &[&str], deny: &[&str], name: &str| {
            let of = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
            PodPatterns { allow: of(allow), deny: of(deny) }.allows(&pod("shop", name))
        };
        assert!(allows(&["shop/*"], &[], "web") && !allows(&["shop/web"], &[], "db"));
        assert!(!allows(&["shop/*"], &["*/web"], "web") && allows(&["shop/*"], &["*/web"], "db"));
        assert!(allows(&[], &["*/web"], "db") && !allows(&[], &["*/web"], "web"));
    }

    fn pod(namespace: &str, name: &str) -> PodName {
        PodName { namespace: namespace.into(), name: name.into() }
    }
}
