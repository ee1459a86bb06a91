//! The reports that there are, and the formats that each has.

use event::{KeyExchangeClass, Timestamp};

use crate::cbom::{Cbom, CbomVersion};
use crate::certificates::Certificates;
use crate::inventory::Inventory;
use crate::readiness::Readiness;
use crate::usage::{Head, Use};
use crate::{csv, html};

/// What is reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A cryptography bill of materials (CycloneDX).
    Cbom,
    /// Post-quantum readiness.
    Pqc,
    /// Certificates and when they end.
    Certificates,
    /// The inventory that PCI DSS asks for.
    Pci,
}

/// How it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// JSON.
    Json,
    /// Comma-separated values (RFC 4180).
    Csv,
    /// A page to print.
    Html,
    /// A calendar (RFC 5545).
    Ics,
}

/// A report that is being made.
pub enum Report {
    /// A cryptography bill of materials.
    Cbom(Box<Cbom>),
    /// Post-quantum readiness.
    Pqc(Readiness),
    /// Certificates.
    Certificates(Certificates),
    /// The inventory of PCI DSS.
    Pci(Inventory),
}

/// A report is not written in that format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unsupported {
    /// The report.
    pub kind: Kind,
    /// The format.
    pub format: Format,
}

impl Report {
    /// An empty report.
    #[must_use]
    pub fn new(kind: Kind) -> Self {
        match kind {
            Kind::Cbom => Self::Cbom(Box::default()),
            Kind::Pqc => Self::Pqc(Readiness::default()),
            Kind::Certificates => Self::Certificates(Certificates::default()),
            Kind::Pci => Self::Pci(Inventory::default()),
        }
    }

    /// Adds one posture of one edge.
    pub fn add(&mut self, seen: &Use) {
        match self {
            Self::Cbom(cbom) => cbom.add(seen),
            Self::Pqc(readiness) => readiness.add(seen),
            Self::Certificates(certificates) => certificates.add(seen),
            Self::Pci(inventory) => inventory.add(seen),
        }
    }

    /// Adds sessions with a class of key exchange that began from `begin` on, where the report tells them.
    pub fn add_step(&mut self, begin: Timestamp, class: Option<KeyExchangeClass>, sessions: u64) {
        if let Self::Pqc(readiness) = self {
            readiness.add_step(begin, class, sessions);
        }
    }

    /// Writes the report; `version` is that of a CBOM.
    ///
    /// # Errors
    /// The report is not written in that format.
    pub fn write(
        &self,
        head: &Head,
        format: Format,
        version: CbomVersion,
    ) -> Result<String, Unsupported> {
        let unsupported = Unsupported { kind: self.kind(), format };
        let sheet = match (self, format) {
            (Self::Cbom(cbom), Format::Json) => return Ok(cbom.to_json(head, version)),
            (Self::Pqc(readiness), Format::Json) => return Ok(readiness.to_json(head)),
            (Self::Certificates(certificates), Format::Json) => {
                return Ok(certificates.to_json(head));
            }
            (Self::Pci(inventory), Format::Json) => return Ok(inventory.to_json(head)),
            (Self::Certificates(certificates), Format::Ics) => {
                return Ok(certificates.to_icalendar(head));
            }
            (Self::Cbom(_) | Self::Pqc(_) | Self::Pci(_), Format::Ics) => {
                return Err(unsupported);
            }
            (Self::Cbom(cbom), Format::Csv | Format::Html) => cbom.sheet(head),
            (Self::Pqc(readiness), Format::Csv | Format::Html) => readiness.sheet(head),
            (Self::Certificates(certificates), Format::Csv | Format::Html) => {
                certificates.sheet(head)
            }
            (Self::Pci(inventory), Format::Csv | Format::Html) => inventory.sheet(head),
        };
        match (format, sheet.tables.first()) {
            (Format::Csv, Some(table)) => Ok(csv::write(table)),
            (Format::Html, _) => Ok(html::write(&sheet)),
            (Format::Csv | Format::Json | Format::Ics, _) => Err(unsupported),
        }
    }

    const fn kind(&self) -> Kind {
        match self {
            Self::Cbom(_) => Kind::Cbom,
            Self::Pqc(_) => Kind::Pqc,
            Self::Certificates(_) => Kind::Certificates,
            Self::Pci(_) => Kind::Pci,
        }
    }
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Cbom, Self::Pqc, Self::Certificates, Self::Pci];

    /// The name that the API and the command line use.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cbom => "cbom",
            Self::Pqc => "pqc",
            Self::Certificates => "certificates",
            Self::Pci => "pci",
        }
    }
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Json, Self::Csv, Self::Html, Self::Ics];

    /// The name that the API and the command line use, and the ending of files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Csv => "csv",
            Self::Html => "html",
            Self::Ics => "ics",
        }
    }

    /// The media type of a download.
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Csv => "text/csv; charset=utf-8; header=present",
            Self::Html => "text/html; charset=utf-8",
            Self::Ics => "text/calendar; charset=utf-8",
        }
    }
}

impl std::fmt::Display for Unsupported {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "a report of {} is not written as {}", self.kind.name(), self.format.name())
    }
}

impl std::error::Error for Unsupported {}
