/**
 * Which form of a listing a request asks for: its order by the query, a page or JSON by Accept. Separate because each form is
 * made and kept by itself: there are as many as can be told here, whatever clients ask for. Pure.
 */
import type { HttpRequest } from "../http/message.ts";
import { selectType } from "./select_type.ts";

export type Column = "name" | "size" | "time";

/** By which column the entries are in order. */
export interface ListingOrder {
  readonly column: Column;
  readonly isDescending: boolean;
}

export type ListingType = "text/html" | "application/json";

export interface ListingForm extends ListingOrder {
  readonly type: ListingType;
}

export const COLUMNS: readonly Column[] = ["name", "size", "time"];

/** What clients who do not mind get comes first. */
const TYPES: readonly [ListingType, ...ListingType[]] = ["text/html", "application/json"];

/** By name, ascending, where the query says nothing that is known. */
export function listingForm({ query, fields }: Pick<HttpRequest, "query" | "fields">): ListingForm {
  const parameters = new URLSearchParams(query);
  const sort = parameters.get("sort");
  return {
    column: COLUMNS.find((column) => column === sort) ?? "name",
    isDescending: parameters.get("order") === "desc",
    type: selectType(fields.get("accept"), TYPES),
  };
}

/** The query that `listingForm` reads as that order. */
export function orderQuery({ column, isDescending }: ListingOrder): string {
  return `?sort=${column}&order=${isDescending ? "desc" : "asc"}`;
}

/** Another one for each form: `text/html?sort=size&order=desc`. */
export function formName(form: ListingForm): string {
  return form.type + orderQuery(form);
}
