import { useEffect, useId, useState, type ReactNode } from 'react';
import { Icon } from './Icon';
import './filters.css';

/** How long the person must have stopped typing before the filter applies, in milliseconds. */
const TYPING_MS = 300;

export function FilterBar({ children }: { children: ReactNode }) {
  return (
    <div className="filters" role="search" aria-label="Filters">
      {children}
    </div>
  );
}

interface SearchProps {
  label: string;
  value: string | undefined;
  onChange: (value: string) => void;
  placeholder?: string;
  wide?: boolean;
}

/** A text filter, which applies when the typing pauses, or at once with Enter. */
export function SearchFilter({ label, value = '', onChange, placeholder, wide }: SearchProps) {
  const id = useId();
  const [text, setText] = useState(value);
  const [applied, setApplied] = useState(value);
  if (applied !== value) {
    setApplied(value);
    setText(value);
  }

  useEffect(() => {
    if (text === value) return;
    const timer = window.setTimeout(() => onChange(text), TYPING_MS);
    return () => window.clearTimeout(timer);
  }, [text, value, onChange]);

  return (
    <div className={wide === true ? 'filter wide' : 'filter'}>
      <label htmlFor={id}>{label}</label>
      <div className="filter-input">
        {wide === true && <Icon name="search" size={14} />}
        <input
          id={id}
          type="search"
          className="input"
          value={text}
          placeholder={placeholder}
          spellCheck={false}
          autoComplete="off"
          onChange={(event) => setText(event.target.value)}
          onKeyDown={(event) => {
            if (event.key === 'Enter') onChange(text);
          }}
        />
      </div>
    </div>
  );
}

interface SelectProps {
  label: string;
  value: string | undefined;
  onChange: (value: string) => void;
  options: readonly (readonly [value: string, label: string])[];
  any?: string;
}

export function SelectFilter({ label, value = '', onChange, options, any = 'Any' }: SelectProps) {
  const id = useId();
  const known = value === '' || options.some(([option]) => option === value);
  return (
    <div className="filter">
      <label htmlFor={id}>{label}</label>
      <select
        id={id}
        className="input"
        value={value}
        onChange={(event) => onChange(event.target.value)}
      >
        <option value="">{any}</option>
        {options.map(([option, text]) => (
          <option key={option} value={option}>
            {text}
          </option>
        ))}
        {!known && <option value={value}>{value}</option>}
      </select>
    </div>
  );
}
